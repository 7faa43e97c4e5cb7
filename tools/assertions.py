"""Compares what the tests assert with an earlier commit: for changes that must not change behaviour.

    python -m tools.assertions COMMIT

Every `assert` and every `pytest.raises` of tests/ is listed with its shape and its constants; names,
attributes and the layout of the source do not count. Prints what only one of the two has, with the place, and
exits with 1 where there is anything.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.routes import ROOT


class _Anonymous(ast.NodeTransformer):
    """Replaces every name by one and the same."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Name("_", ast.Load()), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`queries.media.lock` counts as a name too: modules may have moved."""
        inner = self.visit(node.value)
        if isinstance(inner, ast.Name):
            return ast.copy_location(ast.Name("_", ast.Load()), node)
        return ast.copy_location(ast.Attribute(inner, "_", ast.Load()), node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return ast.copy_location(ast.keyword("_" if node.arg else None, self.visit(node.value)), node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.copy_location(ast.arg("_"), node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = " ".join(node.value.split()) if isinstance(node.value, str) else node.value
        return ast.copy_location(ast.Constant(value), node)


def assertions(source: str) -> Iterator[tuple[str, int]]:
    """Each assertion of a file in its normal form, and its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            yield ast.unparse(_Anonymous().visit(node.test)), node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.raises":
            yield ast.unparse(_Anonymous().visit(node)), node.lineno


def before(commit: str) -> Iterator[tuple[str, str]]:
    """The path and the source of every test file of a commit."""
    names = _git("ls-tree", "-r", "--name-only", commit, "tests").split()
    for name in names:
        if name.endswith(".py"):
            yield name, _git("show", f"{commit}:{name}")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def now() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "tests").rglob("*.py")):
        yield str(file.relative_to(ROOT)), file.read_text()


def main(commit: str) -> int:
    places: list[dict[str, list[str]]] = [{}, {}]
    for side, files in zip(places, (before(commit), now()), strict=True):
        for name, source in files:
            for form, line in assertions(source):
                side.setdefault(form, []).append(f"{name}:{line}")
    counts = [Counter({form: len(at) for form, at in side.items()}) for side in places]
    only_before, only_now = counts[0] - counts[1], counts[1] - counts[0]
    for sign, only, side in (("-", only_before, places[0]), ("+", only_now, places[1])):
        for form, number in sorted(only.items(), key=lambda item: side[item[0]][0]):
            sys.stdout.write(f"{sign} {number} x {', '.join(side[form][:3])}\n    {form[:300]}\n")
    sys.stdout.write(f"{sum(counts[0].values())} assertions before, {sum(counts[1].values())} now\n")
    return 1 if only_before or only_now else 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(ROOT / ".git").exists():
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
