"""Parts of a form: the parameters of their Content-Disposition and the text of their fields, as RFC 7578, RFC
6266 and RFC 8187 have them, and as browsers and HTTP libraries send them.
"""

from __future__ import annotations

import codecs
import re
from urllib.parse import unquote_to_bytes

from vitrine.errors import Invalid, UnstorableText

# Sentences of errors.
MALFORMED = "The body is not a form as multipart/form-data has it"
WRONG_ENCODING_SENTENCE = "The names and fields of a form are UTF-8, or in the encoding that they name"

# RFC 9110's tokens as parameter names. A value stands in quotes, or reaches to the next semicolon: some
# clients send a space without quotes.
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED, _UNESCAPED, _BARE = rb'"((?:[^"\\]|\\.)*)"', rb'"([^"]*)"', rb'([^;"]*)'
# In a quoted string a backslash escapes the next character (RFC 9110), but browsers send one as it is, and a
# name may end in one: then only the second pair of patterns matches the whole header. The quantifiers are
# possessive, so that matching a header of 8 kB takes time in proportion to its length.
_GRAMMARS = tuple(
    (
        re.compile(
            rb"form-data\s*+((?:;\s*+(?:%b\s*+=\s*+(?:%b|%b)\s*+)?+)*+)" % (_TOKEN, quoted, _BARE),
            re.IGNORECASE | re.DOTALL,
        ),
        re.compile(rb";\s*+(%b)\s*+=\s*+(?:%b|%b)" % (_TOKEN, quoted, _BARE), re.DOTALL),
    )
    for quoted in (_QUOTED, _UNESCAPED)
)
# the end of a parameter's name: RFC 2231's `*`, `*0` and `*0*`
_SECTION = re.compile(r"\*(?P<number>0|[1-9][0-9]?)?(?P<encoded>\*)?")
# WHATWG's "multipart/form-data encoding" escapes these three
_BROWSER_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)
# Python's codecs that no client would declare
_NO_CODECS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf_7", "undefined"})


def disposition_parameters(disposition: bytes) -> dict[str, bytes] | None:
    """Return the parameters of a Content-Disposition by name in lower case, their values without quotes.

    None: the header is malformed, or is not form-data.
    """
    for escaped, (whole, each) in zip((True, False), _GRAMMARS, strict=True):
        matched = whole.fullmatch(disposition)
        if matched is None:
            continue
        parameters: dict[str, bytes] = {}
        for name, quoted, bare in each.findall(matched[1]):
            key = name.decode("ascii").lower()
            if key in parameters:  # invalid by RFC 6266, 4.1: readers would differ in which one counts
                return None
            parameters[key] = _unquoted(quoted, escaped=escaped) if quoted else bare.strip()
        return parameters
    return None


def _unquoted(value: bytes, *, escaped: bool) -> bytes:
    """Return the text of a quoted string.

    A sender that puts a backslash before quotes and backslashes alone escapes both. Where a backslash stands
    before anything else, as in `C:\\photos`, the sender does not escape backslashes, and only a quote can be
    escaped.
    """
    if not escaped:
        return value
    escapes = re.findall(rb"\\(.)", value, re.DOTALL)
    pattern = rb'\\(["\\])' if all(each in b'"\\' for each in escapes) else rb'\\(")'
    return re.sub(pattern, rb"\1", value)


def parameter_text(parameters: dict[str, bytes], name: str) -> str | None:
    """Return a parameter's text: of the extended form (RFC 8187 `name*`, RFC 2231 `name*0*`, `name*1`) where
    it can be decoded, else of the plain one. None: the header has neither.

    Raises Invalid for an extended form that cannot be decoded where there is no plain one, and for NUL.
    """
    extended = _extended_text(parameters, name)
    if extended is not None and (extended or name not in parameters):
        return _storable(extended)
    if name not in parameters:
        return None
    plain = parameters[name]
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:  # what HTTP used before RFC 7578 asked for UTF-8: Latin-1, by Windows cp1252
        latin = "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", plain) else "cp1252"
        text = plain.decode(latin)
    return _storable(re.sub("|".join(_BROWSER_ESCAPES), lambda match: _BROWSER_ESCAPES[match[0]], text))


def _extended_text(parameters: dict[str, bytes], name: str) -> str | None:
    """Return the text of a parameter in its extended form: its sections joined, percent-decoded, and decoded
    by the encoding that the first section names.

    None: there is no extended form, or it cannot be joined or decoded and the plain parameter can be read
    instead. Raises Invalid when there is no plain parameter either.
    """
    sections = _sections(parameters, name)
    if 0 not in sections:
        if sections and name not in parameters:
            raise Invalid(MALFORMED)
        return None
    charset, whole = "utf-8", b""
    for number in range(len(sections)):
        if number not in sections:  # sections after a gap belong to nothing
            break
        value, encoded = sections[number]
        if encoded and number == 0 and value.count(b"'") >= 2:
            declared, _, value = value.split(b"'", 2)
            charset = declared.decode("latin-1").strip() or "utf-8"
        whole += unquote_to_bytes(value) if encoded else value
    text = _decoded(whole, charset)
    if text is None and name not in parameters:
        raise Invalid(WRONG_ENCODING_SENTENCE)
    return text


def _sections(parameters: dict[str, bytes], name: str) -> dict[int, tuple[bytes, bool]]:
    """Return the sections of an extended parameter by number: the value, and whether it is
    percent-encoded.
    """
    sections: dict[int, tuple[bytes, bool]] = {}
    for key, value in parameters.items():
        if not key.startswith(f"{name}*"):
            continue
        match = _SECTION.fullmatch(key, len(name))
        if match is None:
            continue
        if match["number"] is None:
            if match["encoded"]:  # `name**`
                continue
            return {0: (value, True)}
        sections[int(match["number"])] = (value, match["encoded"] is not None)
    return sections


def field_text(value: bytes, content_type: str, *, default: str) -> str:
    """Return a field's text, decoded by the encoding that its part names (RFC 7578, 4.4), else by `default`,
    which the field `_charset_` named before (4.6), else as UTF-8. Raises Invalid.
    """
    charset = _CHARSET.search(content_type)
    text = _decoded(value, charset[1] if charset else default or "utf-8")
    if text is None and default and charset is None:  # `_charset_` named an unknown encoding, or a wrong one
        text = _decoded(value, "utf-8")
    if text is None:
        raise Invalid(
            "The names and fields of a form are UTF-8" if charset is None else WRONG_ENCODING_SENTENCE
        )
    return _storable(text)


def is_text(beginning: bytes) -> bool:
    """Whether these may be the first bytes of a text in UTF-8. The last character may be cut."""
    try:
        return "\x00" not in codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return False


def _decoded(value: bytes, charset: str) -> str | None:
    """Return the text; None when there is no such encoding, or the value is not in it."""
    try:
        return None if codecs.lookup(charset).name.replace("-", "_") in _NO_CODECS else value.decode(charset)
    # A UnicodeError is a ValueError, and so is the error for a NUL in the encoding's name.
    except (LookupError, ValueError):
        return None


def _storable(text: str) -> str:
    if "\x00" in text:
        raise UnstorableText
    return text
