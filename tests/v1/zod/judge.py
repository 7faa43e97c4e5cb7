"""zod itself, in Node, and what it answered.

python -m tests.v1.zod.judge    asks it again and writes answers.json; needs `npm ci` here
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


class Judge:
    """A process that answers one case after the other."""

    def __enter__(self) -> Judge:
        self._node = subprocess.Popen(
            ["node", "judge.mjs"],
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
        """JSON, as zod's answer is spelled: {"issues": [...]} or {"data": {...}}."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(case) + "\n")
        self._node.stdin.flush()
        return cast("str", json.loads(self._node.stdout.readline()))


def recorded() -> list[tuple[Case, str]]:
    """What it answered when it was asked last."""
    found: list[Any] = json.loads(ANSWERS.read_text())
    return [(Case(schema, text), answer) for schema, text, answer in found]


def spelled(answers: list[tuple[Case, str]]) -> str:
    """As the file holds them: one line each."""
    return (
        "[\n"
        + ",\n".join(json.dumps([*case, answer], ensure_ascii=False) for case, answer in answers)
        + "\n]\n"
    )


if __name__ == "__main__":
    with Judge() as judge:
        ANSWERS.write_text(spelled([(case, judge.answer(case)) for case in cases()]))
