"""One normal form of text: Unicode's NFC, in which equal letters are equal code points, whichever keyboard or
file system wrote them.

The endpoint composes a request's texts before a model reads them, so that whatever is stored, compared or
counted is in this form already. Fields marked `EXACT` stay as they came: secrets (a password has a normal
form of its own, in `credentials`), opaque tokens and cursors, keys, ETags, checksums, URLs, and texts that an
answer repeats unchanged.
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

# Combining marks in a row: as many as the longest name has characters. Composing takes quadratic time in
# their number; written languages need fewer than 30 (UAX #15).
MAX_MARKS = 255
_TO_SMALL_ASCII = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Exact:
    """Marks a field of a request's model whose texts are opaque, and are not composed."""


EXACT: Final = Exact()


def compose(text: str) -> str:
    """Return the text in NFC. Raises Invalid for more than MAX_MARKS combining marks in a row."""
    if text.isascii():
        return text
    if len(text) > MAX_MARKS and _longest_run_of_marks(text) > MAX_MARKS:
        raise Invalid(f"A text has more than {MAX_MARKS} combining marks in a row")
    return unicodedata.normalize("NFC", text)


def compose_all(value: T, model: type[BaseModel] | None = None) -> T:
    """Return the JSON value, query or form with every text in NFC, including names of fields and of files,
    except fields that `model` marks EXACT.

    Raises Invalid where two names of one object become equal: neither value is dropped.
    """
    return cast("T", _composed(value, model))


def fold_email(address: str) -> str:
    """Return the form in which an e-mail address is stored and compared: trimmed, NFC, the letters A to Z
    small.

    Other letters keep their case. Case mappings beyond ASCII differ between Python and the database's locale
    (U+0130 becomes two code points in one and `i` in the other), and then one address would be two here and
    one there. The database compares these texts byte by byte.
    """
    return compose(address).strip().translate(_TO_SMALL_ASCII)


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
    original = cast("dict[str, object]", value)
    fields = {} if model is None else marked_fields(model)
    result = {
        compose(name): each
        if fields.get(name) is EXACT
        else _composed(each, cast("type[BaseModel] | None", fields.get(name)))
        for name, each in original.items()
    }
    if len(result) < len(original):
        raise Invalid("Two names of one object are the same text")
    return result


@cache
def marked_fields(model: type[BaseModel]) -> Mapping[str, Exact | type[BaseModel]]:
    """Return the fields of a request's model by their names in requests: EXACT, or the model of the objects
    within. Fields without either are left out.
    """
    marked: dict[str, Exact | type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        within = [*field.metadata, *_parts(field.annotation)]
        marks = [EXACT for part in within if isinstance(part, Exact)]
        models = [
            cast("type[BaseModel]", part)
            for part in within
            if isinstance(part, type) and hasattr(part, "model_fields")
        ]
        if marks or models:
            marked[field.alias or name] = (marks or models)[0]
    return marked


def _parts(annotation: object) -> Iterator[object]:
    """Yield the annotation and everything within its brackets."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
