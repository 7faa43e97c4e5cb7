"""README's tables of routes, made of template.yaml and the first line of each handler.

python -m tools.routes            prints them
python -m tools.routes --write    writes them into README.md, between its markers
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.template import document

ROOT = Path(__file__).resolve().parent.parent
OPEN, CLOSE = "<!-- routes -->", "<!-- /routes -->"


def table() -> str:
    """One table in Markdown for each section of the template that has routes, in the template's order."""
    lines: list[str] = []
    for section in dict.fromkeys(sections().values()):
        rows = [_row(route) for route in routes() if route.section == section]
        if rows:
            lines += [
                f"### {section}",
                "",
                "| Method | Path | Function | What it does |",
                "| --- | --- | --- | --- |",
                *rows,
                "",
            ]
    return "\n".join(lines).rstrip()


def _row(route: Route) -> str:
    method = route.key.partition(" ")[0]
    return f"| {method} | `{route.path}` | `{route.function}` | {summary(route.function)} |"


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the API and the folder of the function that answers it."""

    key: str  # as API Gateway writes it: `GET /api/me`, or `$default`
    path: str
    function: str
    section: str  # of the template: studio, v1 ...


def routes() -> list[Route]:
    """Every route of the template, in its order, without routes of the method ANY.

    Such a route sends the other methods of a fixed path to the function of `$default`.
    """
    found: list[Route] = []
    for name, resource in template()["Resources"].items():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "HttpApi":
                method, path = event["Properties"]["Method"], event["Properties"]["Path"]
                key = path if path == "$default" else f"{method} {path}"
                if key.startswith("ANY "):
                    continue
                folder = Path(resource["Properties"]["CodeUri"]).name
                found.append(Route(key, path, folder, sections()[name]))
    return found


@cache
def sections() -> dict[str, str]:
    """Resource -> the section of the template in which it is declared. A heading is `# ===== name =====`."""
    found: dict[str, str] = {}
    section = ""
    for line in (ROOT / "template.yaml").read_text().splitlines():
        if line == "Outputs:":
            break
        if heading := re.fullmatch(r"  # =+ (\w+) =+", line):
            section = heading[1]
        elif (resource := re.match(r"  (\w+):", line)) and section:
            found[resource[1]] = section
    return found


CONSOLE = ("/", "/assets/{file}", "/favicon.ico", "/device", "/device/{file}", "/api/openapi.json")
PREFIXES = {  # of paths -> section; the first that fits
    "/api/docs": "console",
    "/api/v1/": "v1",
    "/api/auth/": "accounts",
    "/api/upload": "uploads",
    "/api/": "studio",
    "/f/": "studio",
}


def section_of(path: str) -> str:
    """The section of the template to which the function of a path belongs; console for paths of no API."""
    if path in CONSOLE:
        return "console"
    return next((section for prefix, section in PREFIXES.items() if path.startswith(prefix)), "console")


@cache
def template() -> dict[str, Any]:
    """template.yaml as it is written. Callers must not change it, since it is cached."""
    return document(ROOT / "template.yaml")


def summary(function: str) -> str:
    """The first paragraph of a handler's docstring after its dash, without the full stop."""
    return first_line(function).partition(" - ")[2].rstrip(".")


def first_line(function: str) -> str:
    """The first paragraph of a handler's docstring, on one line; empty when it has none."""
    text = ast.get_docstring(ast.parse((ROOT / "functions" / function / "handler.py").read_text()))
    return " ".join((text or "").partition("\n\n")[0].split())


def in_readme(readme: str) -> str:
    """The text between the markers. Raises ValueError unless each marker occurs exactly once."""
    if (readme.count(OPEN), readme.count(CLOSE)) != (1, 1):
        raise ValueError(f"README.md needs the table between {OPEN} and {CLOSE}, once")
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
