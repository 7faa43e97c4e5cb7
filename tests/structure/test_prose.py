"""Rules about language: docstrings stand alone, private words stay rare, links of documents resolve.

CONTRIBUTING.md has the style. A word that the project gave up counts wherever it occurs: in code, comments,
SQL and documents, as a whole word or as a part of an identifier.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.routes import ROOT

GIVEN_UP = (
    {"hold", "holds", "held", "holding"},
    {"said"},
    {"told"},
    {"judge", "judges", "judged", "judging"},
    {"doom", "dooms", "doomed"},
)
# Tree -> how often each group of words may occur in it: in sentences that clients know, and in names of an
# older schema.
LIMITS = {
    "layers": (13, 2, 0, 0, 0),
    "functions": (0, 0, 0, 0, 0),
    "local": (3, 0, 0, 0, 0),
    "migrations": (1, 0, 0, 0, 1),
    "tests": (43, 0, 0, 0, 1),
    "tools": (0, 0, 0, 0, 0),
    "template.yaml": (0, 0, 0, 0, 0),
    "docs": (0, 0, 0, 0, 0),
    "README.md": (0, 0, 0, 0, 0),
    "CONTRIBUTING.md": (1, 1, 1, 1, 1),  # its list of these words
}
SOURCES = {".py", ".sql", ".md", ".yaml", ".toml", ".mjs"}
# Files that need the words themselves.
EXCEPT = {"tests/structure/test_prose.py", "docs/rewording.md"}
# Capitalized words of sentences about errors that are no class of the layers and no builtin.
OTHER_NAMES = {"ClientDisconnect", "Pillow"}  # of Starlette, of a library
LEANING = ("The same", "As above", "That of")
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


@pytest.mark.parametrize("tree", LIMITS)
def test_words_that_were_given_up_stay_rare(tree: str) -> None:
    places: list[list[str]] = [[] for _ in GIVEN_UP]
    for file in files(ROOT / tree):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for part in re.findall(r"[A-Z]?[a-z]+", line):
                for forms, found in zip(GIVEN_UP, places, strict=True):
                    if part.lower() in forms:
                        found.append(f"{file.relative_to(ROOT)}:{number}")

    too_many = {
        min(forms): f"{len(found)} of {limit}: {', '.join(found[-5:])}"
        for forms, found, limit in zip(GIVEN_UP, places, LIMITS[tree], strict=True)
        if len(found) > limit
    }
    assert too_many == {}


def files(tree: Path) -> Iterator[Path]:
    for file in [tree] if tree.is_file() else sorted(tree.rglob("*")):
        if (
            file.suffix in SOURCES
            and file.is_file()
            and not {"node_modules", "__pycache__", "assets", "contract"} & {*file.parts}
            and str(file.relative_to(ROOT)) not in EXCEPT
        ):
            yield file


def test_no_docstring_leans_on_another_one() -> None:
    leaning = [
        f"{file.relative_to(ROOT)}:{node.body[0].lineno}"
        for tree in ("layers", "functions", "local", "tests", "tools", "bench")
        for file in files(ROOT / tree)
        if file.suffix == ".py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (ast.get_docstring(node) or "").startswith(LEANING)
    ]

    assert leaning == []


def test_contributing_lists_the_words_that_were_given_up() -> None:
    listed = set(re.findall(r"[a-z]+", (ROOT / "CONTRIBUTING.md").read_text()))

    assert [forms for forms in GIVEN_UP if not forms & listed] == []


def test_every_error_that_a_docstring_names_exists() -> None:
    trees = {file: ast.parse(file.read_text()) for file in files(ROOT / "layers") if file.suffix == ".py"}
    classes = {
        node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    }
    named = {
        (word, f"{file.relative_to(ROOT)}:{node.body[0].lineno}")
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for word in words_of_errors(ast.get_docstring(node) or "")
    }

    assert {word for word, _ in named} > {"NotFound", "Conflict", "ServiceUnavailable"}
    assert [
        f"{place}: {word}"
        for word, place in sorted(named)
        if word not in classes | OTHER_NAMES and not hasattr(builtins, word)
    ] == []


def words_of_errors(docstring: str) -> set[str]:
    """The capitalized words of the sentences that begin with Raise or Raises, without that word."""
    sentences = re.findall(r"\bRaises?\s(.*?)(?:\.\s|\.?\Z|\n\s*\n)", docstring, re.DOTALL)
    return {
        word for sentence in sentences for word in re.findall(r"\b[A-Z][A-Za-z]*[a-z][A-Za-z]*\b", sentence)
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_link_of_a_document_resolves(document: Path) -> None:
    broken: list[str] = []
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = document if path == "" else document.parent / path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)

    assert broken == []


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    found: Counter[str] = Counter()
    names: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE):
        text = re.sub(r"\]\([^)]*\)", "]", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def test_the_index_of_decisions_lists_every_decision() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()

    listed = set(re.findall(r"\]\(([\w-]+\.md#[^)]+)\)", index))

    assert listed == {
        f"{page.name}#{anchor}"
        for page in (ROOT / "docs/decisions").glob("*.md")
        if page.name != "README.md"
        for anchor in anchors(page) - {title_anchor(page)}
    }


def title_anchor(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ").lower().replace(" ", "-")


def test_a_decision_has_only_parts_of_the_usual_form() -> None:
    parts = Counter(
        part
        for page in (ROOT / "docs/decisions").glob("*.md")
        for part in re.findall(r"^\*\*(\w+)\.?\*\*", page.read_text(), re.MULTILINE)
    )

    assert parts.keys() <= {"Context", "Decision", "Alternatives", "Consequences", "Measured"}
    assert parts["Decision"] > 80


def test_every_path_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`((?:layers|functions|local|tests|docs|tools|template)[\w./]*)`", ARCHITECTURE))

    assert {path for path in named if not (ROOT / path).exists()} == set()
    assert len(named) > 10


def test_every_function_that_the_architecture_names_exists() -> None:
    steps = re.findall(r"^\| \d+ \| `([\w./]+)` \| `(\w+)` \|", ARCHITECTURE, re.MULTILINE)
    in_text = re.findall(r"`(\w+)` in\s`([\w./]+\.py)`", ARCHITECTURE)

    missing = [
        f"{file}: {name}"
        for file, name in [*steps, *((file, name) for name, file in in_text)]
        if not re.search(rf"^(?:def |class )?{name}\b.*[:=(]|^  {name}:", text_of(file), re.MULTILINE)
    ]

    assert missing == []
    assert len(steps) > 15


def text_of(path: str) -> str:
    return (ROOT / path).read_text() if (ROOT / path).is_file() else ""
