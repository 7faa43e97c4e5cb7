"""What can be done, in domain words. Opens its own transactions; never sees HTTP."""

from __future__ import annotations

import re
import unicodedata

from vitrine.errors import Invalid, Issue
from vitrine.models.media import MAX_NAME
from vitrine.texts import compose

MAX_TYPE = 255  # characters of a declared type


def clean_name(name: str, what: str = "name", *, most: int = MAX_NAME) -> str:
    """The name in Unicode's composed form (NFC): 1 to `most` code points, none that cannot be stored.
    Raises Invalid, calling it `what`.
    """
    composed = compose(name)
    if not 1 <= len(composed) <= most:
        raise Invalid(f"{what} must have 1 to {most} characters")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in composed):
        raise Invalid(f"{what} holds a character that cannot be stored")
    return composed


def check_declared_type(declared: str, what: str) -> None:
    """Raises Invalid, calling it `what`, where a declared type cannot be kept or written into a header.
    Whatever else it says is a hint: the content
    decides.
    """
    if len(declared) > MAX_TYPE or any(
        ord(character) < 32 or ord(character) == 127 for character in declared
    ):
        sentence = f"{what} has at most {MAX_TYPE} characters, and no control characters among them"
        raise Invalid(sentence, issues=(Issue((what,), sentence),))


def slug_of(name: str, *, most: int) -> str:
    """An organization's name in small ASCII letters, digits and single dashes, `most` of them; empty
    where nothing of it is left.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:most].strip("-")
