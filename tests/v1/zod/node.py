"""zod itself, in Node, and its recorded answers.

python -m tests.v1.zod.node    records them again in answers.json; needs `npm ci` here
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.v1.zod.cases import Case, cases

if TYPE_CHECKING:
    from types import TracebackType

HERE = Path(__file__).parent
ANSWERS = HERE / "answers.json"


class Zod:
    """A process that answers one case after the other."""

    def __enter__(self) -> Zod:
        self._node = subprocess.Popen(
            ["node", "zod.mjs"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._node.communicate()

    def answer(self, case: Case) -> str:
        """Return zod's answer as JSON text: {"issues": [...]} or {"data": {...}}."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(case) + "\n")
        self._node.stdin.flush()
        return cast("str", json.loads(self._node.stdout.readline()))


def recorded() -> list[tuple[Case, str]]:
    """Return each case with its recorded answer."""
    lines: list[Any] = json.loads(ANSWERS.read_text())
    return [(Case(schema, text), answer) for schema, text, answer in lines]


def file_text(answers: list[tuple[Case, str]]) -> str:
    """Return the text of answers.json, with one line for each case."""
    return (
        "[\n"
        + ",\n".join(json.dumps([*case, answer], ensure_ascii=False) for case, answer in answers)
        + "\n]\n"
    )


if __name__ == "__main__":
    with Zod() as zod:
        ANSWERS.write_text(file_text([(case, zod.answer(case)) for case in cases()]))
