"""README's table of routes, made of template.yaml and the first line of each handler.

python -m tools.routes            prints it
python -m tools.routes --write    puts it into README.md, between its markers
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.template import document

ROOT = Path(__file__).resolve().parent.parent
OPEN, CLOSE = "<!-- routes -->", "<!-- /routes -->"


def table() -> str:
    """The table in Markdown, in the template's order."""
    rows = [
        f"| {route.key.partition(' ')[0]} | `{route.path}` | `{route.function}` | {says(route.function)} |"
        for route in routes()
    ]
    return "\n".join(["| Method | Path | Function | What it does |", "| --- | --- | --- | --- |", *rows])


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the API and the folder of the function that answers it."""

    key: str  # as the gateway spells it: `GET /api/me`, or `$default`
    path: str
    function: str


def routes() -> list[Route]:
    """Every route of the template, in its order; without those that send a fixed path's other methods to
    where `$default` goes.
    """
    found: list[Route] = []
    for resource in template()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "HttpApi":
                method, path = event["Properties"]["Method"], event["Properties"]["Path"]
                key = path if path == "$default" else f"{method} {path}"
                if key.startswith("ANY "):
                    continue
                found.append(Route(key, path, Path(resource["Properties"]["CodeUri"]).name))
    return found


@cache
def template() -> dict[str, Any]:
    """template.yaml as it is written. Not to be changed by who reads it."""
    return document(ROOT / "template.yaml")


def says(function: str) -> str:
    """What the first paragraph of a handler says after its dash, without the full stop."""
    return first_line(function).partition(" - ")[2].rstrip(".")


def first_line(function: str) -> str:
    """The first paragraph of a handler's docstring, on one line; empty when it has none."""
    text = ast.get_docstring(ast.parse((ROOT / "functions" / function / "handler.py").read_text()))
    return " ".join((text or "").partition("\n\n")[0].split())


def in_readme(readme: str) -> str:
    """What stands between the markers now. Raises ValueError where they are not there exactly once."""
    if (readme.count(OPEN), readme.count(CLOSE)) != (1, 1):
        raise ValueError(f"README.md holds the table between {OPEN} and {CLOSE}, once")
    return readme.partition(OPEN)[2].partition(CLOSE)[0].strip()


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        page = ROOT / "README.md"
        before = page.read_text()
        in_readme(before)
        page.write_text(
            before.partition(OPEN)[0] + f"{OPEN}\n{table()}\n{CLOSE}" + before.partition(CLOSE)[2]
        )
    else:
        sys.stdout.write(table() + "\n")
