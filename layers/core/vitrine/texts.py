"""One normal form of text: Unicode's NFC, in which equal letters are equal code points, whichever keyboard or
file system wrote them.

`endpoint` composes what a request says before a model reads it, so that whatever is stored, compared or
counted is in this form already. Fields
marked_fields `EXACT` are left as they came: secrets (a password has a form of its own, `credentials`), opaque tokens
and cursors, keys, ETags, checksums,
URLs, and what an answer repeats as it was sent.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar, cast, get_args

from vitrine.errors import Invalid
from vitrine.models.uploads import SentFile

if TYPE_CHECKING:
    from pydantic import BaseModel

T = TypeVar("T")

# in a row: as many as the longest name has. Composing takes quadratic time over them; writing needs fewer
# than 30 (UAX #15)
MAX_MARKS = 255
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Exact:
    """Marks a field of a request's model whose texts are opaque: they are read as they came."""


EXACT: Final = Exact()


def compose(text: str) -> str:
    """The text in NFC. Raises Invalid for one with more than MAX_MARKS combining marks in a row."""
    if text.isascii():
        return text
    if len(text) > MAX_MARKS and _longest_run_of_marks(text) > MAX_MARKS:
        raise Invalid(f"A text has more than {MAX_MARKS} combining marks in a row")
    return unicodedata.normalize("NFC", text)


def compose_all(value: T, model: type[BaseModel] | None = None) -> T:
    """Return the JSON value, query or form with every text in NFC, names of fields and of files included,
    except fields that `model` marks EXACT.

    Raises Invalid where two names of one object become the same: neither value is dropped.
    """
    return cast("T", _composed(value, model))


def fold_email(address: str) -> str:
    """What identifies an e-mail address, as it is stored: trimmed, NFC, the letters A to Z small.

    Other letters keep their case. Case mappings beyond ASCII differ between Python and the database's locale
    (U+0130 becomes two code points in
    one and `i` in the other), and then one address would be two here and one there. The database compares
    these texts byte by byte.
    """
    return compose(address).strip().translate(_SMALL)


def _longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for character in text:
        # U+0300 is the first mark
        run = run + 1 if character > "\u02ff" and unicodedata.category(character)[0] == "M" else 0
        longest = max(longest, run)
    return longest


def _composed(value: object, model: type[BaseModel] | None) -> object:
    if isinstance(value, str):
        return compose(value)
    if isinstance(value, list):
        return [_composed(each, model) for each in cast("list[object]", value)]
    if isinstance(value, SentFile):
        return replace(value, filename=compose(value.filename))
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, object]", value)
    fields = {} if model is None else marked_fields(model)
    result = {
        compose(name): each
        if fields.get(name) is EXACT
        else _composed(each, cast("type[BaseModel] | None", fields.get(name)))
        for name, each in given.items()
    }
    if len(result) < len(given):
        raise Invalid("Two names of one object are the same text")
    return result


@cache
def marked_fields(model: type[BaseModel]) -> Mapping[str, Exact | type[BaseModel]]:
    """The fields of a request's model by the name that a request gives them: EXACT, or the model of what
    is within. Other fields are left out.
    """
    found: dict[str, Exact | type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        within = [*field.metadata, *_parts(field.annotation)]
        marks = [EXACT for part in within if isinstance(part, Exact)]
        models = [
            cast("type[BaseModel]", part)
            for part in within
            if isinstance(part, type) and hasattr(part, "model_fields")
        ]
        if marks or models:
            found[field.alias or name] = (marks or models)[0]
    return found


def _parts(kind: object) -> Iterator[object]:
    yield kind
    for part in get_args(kind):
        yield from _parts(part)
