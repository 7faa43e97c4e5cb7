"""The examples of the published documents, read from `tests/given/contract/`, and what an answer says otherwise
than its example does.

A file there holds one document's facts: requests and answers as it shows them, the errors it names, its
tables of fields and endpoints. In an answer
ids, times, digests and URLs are the example's own: an id stands for the one that `ids` names or, where that
has none, for the first that is
found in its place, from then on the same everywhere; a time or URL for any.
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
    """A request, and the answer to it; None where the document shows none."""

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
    """One that the document names for a route; its body where it shows one."""

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
    requests: list[dict[str, Any]]  # its tables of what a request may say
    objects: list[dict[str, Any]]  # its tables of what an answer says: types, by the place in an example
    endpoints: list[str]  # its table of endpoints
    scopes: dict[str, str]  # and what a key needs for each

    @classmethod
    def read(cls, name: str) -> Document:
        answered = json.loads((CONTRACT / f"{name}.json").read_text())
        examples = [Example(**each) for each in answered.pop("examples")]
        return cls(examples=examples, errors=[Error(**each) for each in answered.pop("errors")], **answered)

    def example(self, name: str) -> Example:
        return next(each for each in self.examples if each.name == name)


class Difference(NamedTuple):
    """Something of an answer that its example has otherwise, or not at all."""

    path: str  # `media.frames[].id`
    says: object  # the answer; GONE where it says nothing


GONE = Shape("nothing", "(?!)")


class Names(dict[str, str]):
    """Texts of the examples -> what they stand for here."""

    def fill(self, answered: Any) -> Any:
        """The same with these texts, wherever they stand as words of their own, replaced."""
        if isinstance(answered, dict):
            return {name: self.fill(value) for name, value in answered.items()}
        if isinstance(answered, list):
            return [self.fill(value) for value in answered]
        if not isinstance(answered, str) or not self:
            return answered
        words = "|".join(map(re.escape, sorted(self, key=len, reverse=True)))
        return re.sub(rf"(?<![\w-])({words})(?![\w-])", lambda found: self[found[0]], answered)


def differences(
    document: Document, example: Any, answer: Any, names: Names, path: str = ""
) -> list[Difference]:
    """In the example's order, what is beyond it after that: value by value, elements of a list as one."""
    if isinstance(example, dict) and isinstance(answer, dict):
        found: list[Difference] = []
        for name in (*example, *(name for name in answer if name not in example)):
            within = f"{path}.{name}" if path else name
            if name not in answer:
                found.append(Difference(within, GONE))
            elif name not in example:
                found += _leaves(answer[name], within)
            else:
                found += differences(document, example[name], answer[name], names, within)
        return found
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
    """Each value in it; an empty object or list is one."""
    if isinstance(answered, dict) and answered:
        return [each for name, value in answered.items() for each in _leaves(value, f"{path}.{name}")]
    if isinstance(answered, list) and answered and all(isinstance(each, dict) for each in answered):
        return [each for value in answered for each in _leaves(value, f"{path}[]")]
    return [Difference(path, answered)]


def at(answer: Any, path: str) -> list[Any]:
    """What stands at this place, `media.frames[].objects[]`: one of it, or each element."""
    found = [answer]
    for step in path.split(".") if path else []:
        name = step.removesuffix("[]")
        found = [each[name] for each in found]
        if step.endswith("[]"):
            found = [element for each in found for element in each]
    return found


def is_a(value: object, kinds: str) -> bool:
    """Whether it is of one of the types, or one of the words, that a document's table names:
    `number|null`, `image|video`.
    """
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
