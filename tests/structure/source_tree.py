"""Reads the code as text: functions and sections from template.yaml, imports from the source.

Nothing is imported, so nothing is started.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.routes import ROOT, Route, routes, template

# Package -> its folder in layers/.
LAYERS = {"vitrine": "core", "vitrine_imaging": "imaging", "vitrine_video": "video"}


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the template."""

    resource: str  # CompleteUploadFunction
    folder: str  # complete_upload
    routes: tuple[Route, ...]  # empty for consumers, jobs and migrate
    events: tuple[str, ...]  # types: HttpApi, SQS, ScheduleV2
    layers: frozenset[str]  # names of resources, global layers included
    environment: frozenset[str]  # names of variables with a value, global ones included
    statements: tuple[dict[str, Any], ...]  # of the policies that the function itself has

    @property
    def source(self) -> Path:
        return ROOT / "functions" / self.folder / "handler.py"


@cache
def functions() -> tuple[Function, ...]:
    whole = template()
    common = whole["Globals"]["Function"]
    found: list[Function] = []
    for name, resource in whole["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            own = resource["Properties"]
            folder = Path(own["CodeUri"]).name
            found.append(
                Function(
                    resource=name,
                    folder=folder,
                    routes=tuple(route for route in routes() if route.function == folder),
                    events=tuple(event["Type"] for event in own.get("Events", {}).values()),
                    layers=frozenset(layer["Ref"] for layer in [*common["Layers"], *own.get("Layers", [])]),
                    environment=frozenset(
                        variable
                        for variable, value in {
                            **common["Environment"]["Variables"],
                            **own.get("Environment", {}).get("Variables", {}),
                        }.items()
                        if value != ""
                    ),
                    statements=tuple(
                        statement for policy in own.get("Policies", []) for statement in policy["Statement"]
                    ),
                )
            )
    return tuple(found)


def functions_with_handlers() -> tuple[Function, ...]:
    """The functions whose handler exists.

    test_names checks that all exist. The other tests leave out missing ones, so that each reports its own
    subject.
    """
    return tuple(function for function in functions() if function.source.is_file())


@dataclass(frozen=True, slots=True)
class Import:
    """A dotted name that a file imports. `from a.b import c` is a.b.c, whether c is a module or not."""

    name: str
    line: int
    runs: bool  # False under `if TYPE_CHECKING`
    at_import: bool  # True when the file itself is imported, False within a function


@cache
def imports(file: Path) -> tuple[Import, ...]:
    return tuple(_imports(ast.parse(file.read_text()), runs=True, at_import=True))


def _imports(node: ast.AST, *, runs: bool, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, runs, at_import)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(
                    f"{'.' * child.level}{child.module or ''}.{alias.name}", child.lineno, runs, at_import
                )
        elif isinstance(child, ast.If) and ast.unparse(child.test) in (
            "TYPE_CHECKING",
            "typing.TYPE_CHECKING",
        ):
            for part in child.body:
                yield from _imports(ast.Module([part], []), runs=False, at_import=False)
            for part in child.orelse:
                yield from _imports(ast.Module([part], []), runs=runs, at_import=at_import)
        elif isinstance(child, ast.Attribute) and ast.unparse(child.value) == "queries":
            # `vitrine.queries` imports its modules when they are first used.
            yield Import(f"vitrine.queries.{child.attr}", child.lineno, runs, at_import=False)
        else:
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, runs=runs, at_import=at_import and not inner)


@cache
def modules() -> dict[str, Path]:
    """Every module of the layers by its dotted name."""
    found: dict[str, Path] = {}
    for package, layer in LAYERS.items():
        top = ROOT / "layers" / layer
        for file in sorted((top / package).rglob("*.py")):
            parts = file.relative_to(top).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def module_of(name: str) -> str | None:
    """The module of the layers that a dotted name is, or is in; None for names of other packages."""
    while name not in modules():
        if "." not in name:
            return None
        name = name.rpartition(".")[0]
    return name


@cache
def imported_transitively(file: Path) -> frozenset[str]:
    """Every dotted name that is imported when this file runs, directly or through modules of the layers."""
    seen: set[str] = set()
    names: set[str] = set()
    todo = [file]
    while todo:
        for imported in imports(todo.pop()):
            if not imported.runs:
                continue
            names.add(imported.name)
            module = module_of(imported.name)
            while module and module not in seen:  # importing a.b.c also runs a and a.b
                seen.add(module)
                if module in modules():
                    todo.append(modules()[module])
                module = module.rpartition(".")[0]
    return frozenset(names | seen)


def where(file: Path, line: int) -> str:
    return f"{file.relative_to(ROOT)}:{line}"
