"""What can be done, by noun, in domain words. The modules open their own transactions and know nothing of
HTTP.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from vitrine.errors import Invalid, Issue, NotFound
from vitrine.models.media import MAX_NAME
from vitrine.texts import compose

MAX_TYPE = 255  # characters of a declared media type


def not_found(noun: Literal["collection", "media", "folder", "version", "tag"]) -> NotFound:
    """The error for a missing thing, with its sentence for the client."""
    return NotFound(f"{noun.capitalize()} not found")


def clean_name(name: str, what: str = "name", *, most: int = MAX_NAME) -> str:
    """The name in Unicode's composed form (NFC): 1 to `most` code points, all of which can be stored.

    Raises Invalid otherwise; its sentence calls the name `what`.
    """
    composed = compose(name)
    if not 1 <= len(composed) <= most:
        raise Invalid(f"{what} must have 1 to {most} characters")
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in composed):
        raise Invalid(f"{what} holds a character that cannot be stored")
    return composed


def check_declared_type(declared: str, what: str) -> None:
    """Check that a declared media type can be stored and written into a header. Its value is only a hint,
    since the content decides the type.

    Raises Invalid otherwise; its sentence calls the type `what`.
    """
    if len(declared) > MAX_TYPE or any(
        ord(character) < 32 or ord(character) == 127 for character in declared
    ):
        sentence = f"{what} has at most {MAX_TYPE} characters, and no control characters among them"
        raise Invalid(sentence, issues=(Issue((what,), sentence),))


def organization_slug(name: str, *, most: int) -> str:
    """An organization's name as small ASCII letters, digits and single dashes, at most `most` of them. Empty
    when the name has no such characters.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:most].strip("-")
