"""The examples of the published documents, from `tests/given/contract/`, and a comparison with our answers.

Each file there has the facts of one document: its requests, answers and errors, and its tables of fields and
endpoints. The ids, times, digests and URLs in an example are placeholders. An id stands for the one that
`ids` maps it to, or else for the first id found in its place, and for that one everywhere afterwards. A time
or URL stands for any.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.given.shapes import A_TIME, Shape

CONTRACT = Path(__file__).parent / "contract"
A_URL = Shape("a URL", r"https?://[^\s/]+/\S+")
_AN_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Example:
    """A request, and its answer; None where the document shows no answer."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    status: int
    body: Any = None
    form: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # (field, file's name)
    answer: Any = None


@dataclass(frozen=True)
class Error:
    """An error that the document names for a route, with its body where the document shows it."""

    route: str
    status: int
    when: str
    answer: Any = None


@dataclass(frozen=True)
class Document:
    """One of the published documents."""

    document: str
    ids: list[str]  # texts of its examples that stand for ids
    examples: list[Example]
    errors: list[Error]
    requests: list[dict[str, Any]]  # its tables of the fields of requests
    objects: list[dict[str, Any]]  # its tables of the fields of answers: types, by the place in an example
    endpoints: list[str]  # its table of endpoints
    scopes: dict[str, str]  # the scope that a key needs, by endpoint

    @classmethod
    def read(cls, name: str) -> Document:
        answered = json.loads((CONTRACT / f"{name}.json").read_text())
        examples = [Example(**each) for each in answered.pop("examples")]
        return cls(examples=examples, errors=[Error(**each) for each in answered.pop("errors")], **answered)

    def example(self, name: str) -> Example:
        return next(each for each in self.examples if each.name == name)


class Difference(NamedTuple):
    """A value in an answer that differs from its example, or is not in it."""

    path: str  # `media.frames[].id`
    actual: object  # the value in the answer; GONE where it is missing


GONE = Shape("nothing", "(?!)")


class Names(dict[str, str]):
    """Placeholders of the examples -> the texts that they stand for."""

    def fill(self, answered: Any) -> Any:
        """Return the JSON value with all placeholders replaced where they are whole words."""
        if isinstance(answered, dict):
            return {name: self.fill(value) for name, value in answered.items()}
        if isinstance(answered, list):
            return [self.fill(value) for value in answered]
        if not isinstance(answered, str) or not self:
            return answered
        words = "|".join(map(re.escape, sorted(self, key=len, reverse=True)))
        return re.sub(rf"(?<![\w-])({words})(?![\w-])", lambda match: self[match[0]], answered)


def differences(
    document: Document, example: Any, answer: Any, names: Names, path: str = ""
) -> list[Difference]:
    """Compare value by value: first in the order of the example, then what only the answer has.

    Lists of the same length are compared by element, others as one value.
    """
    if isinstance(example, dict) and isinstance(answer, dict):
        differing: list[Difference] = []
        for name in (*example, *(name for name in answer if name not in example)):
            within = f"{path}.{name}" if path else name
            if name not in answer:
                differing.append(Difference(within, GONE))
            elif name not in example:
                differing += _leaves(answer[name], within)
            else:
                differing += differences(document, example[name], answer[name], names, within)
        return differing
    if isinstance(example, list) and isinstance(answer, list) and len(example) == len(answer):
        return [
            each
            for one, other in zip(example, answer, strict=True)
            for each in differences(document, one, other, names, f"{path}[]")
        ]
    if (
        isinstance(answer, str)
        and example in document.ids
        and example not in names
        and _AN_ID.fullmatch(answer)
        and answer not in names.values()
    ):
        names[example] = answer
    expected = _shaped(names.fill(example))
    return [] if type(answer) is type(example) and expected == answer else [Difference(path, answer)]


def _shaped(answered: object) -> object:
    if not isinstance(answered, str):
        return answered
    if answered.startswith("https://"):
        return A_URL
    return A_TIME if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", answered) else answered


def _leaves(answered: Any, path: str) -> list[Difference]:
    """Return a difference for each value inside; an empty object or list is one value."""
    if isinstance(answered, dict) and answered:
        return [each for name, value in answered.items() for each in _leaves(value, f"{path}.{name}")]
    if isinstance(answered, list) and answered and all(isinstance(each, dict) for each in answered):
        return [each for value in answered for each in _leaves(value, f"{path}[]")]
    return [Difference(path, answered)]


def at(answer: Any, path: str) -> list[Any]:
    """Return the values at a path such as `media.frames[].objects[]`: one value, or each element."""
    values = [answer]
    for step in path.split(".") if path else []:
        name = step.removesuffix("[]")
        values = [each[name] for each in values]
        if step.endswith("[]"):
            values = [element for each in values for element in each]
    return values


def is_a(value: object, kinds: str) -> bool:
    """Whether the value is of a type, or is a word, of a document's table: `number|null`, `image|video`."""
    return any(_is_a(value, kind) for kind in kinds.split("|"))


def _is_a(value: object, kind: str) -> bool:
    if isinstance(value, bool) or value is None:
        return kind == {True: "boolean", False: "boolean", None: "null"}[value]
    types: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "object": (dict,),
        "array": (list,),
    }
    return isinstance(value, types[kind]) if kind in types else value == kind
