"""multipart/form-data as it streams in: short fields are kept, files are spooled to the disk and summed on
the way.

Errors of a form are kept, not raised, because the caller is authorized first, by the fields that came before.
python-multipart does the framing; the
parameters of a part's Content-Disposition are read here, as RFC 7578 and RFC 6266 have them and as browsers
and HTTP libraries send them.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import tempfile
import zlib
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser

from vitrine.errors import ApiError, Invalid, UnsupportedType
from vitrine.models.uploads import SentFile
from vitrine.texts import compose, compose_all

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

MAX_PARTS = 63  # beside its files
MAX_FIELDS = 128 * 1024  # bytes of all fields together, names included
MAX_HEADER = 8 * 1024  # bytes of a part's header; a name of 255 characters takes 1 kB
MAX_HEADERS = 16  # of one part
MAX_PREAMBLE = 8 * 1024  # bytes before the first boundary: a line or two for readers that know no forms
UNDECIDED = 512  # bytes of a part without a file's name, by which text is told from a file
MAX_FOLDS = 16  # lines of one part that continue the line before
PIECE = 64 * 1024  # bytes that the parser gets at a time: what is parsed again after a folded line
IN_MEMORY = 1024 * 1024  # bytes of a file before it goes to the disk

_BOUNDARY = re.compile(
    r'multipart/form-data\s*;(?:.*;)?\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;.*)?',
    re.IGNORECASE | re.ASCII,
)
# RFC 9110's tokens as parameter names. A value stands in quotes, or reaches to the next semicolon: some
# clients send a space without quotes.
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED, _UNESCAPED, _BARE = rb'"((?:[^"\\]|\\.)*)"', rb'"([^"]*)"', rb'([^;"]*)'
# In a quoted string a backslash quotes the next character (RFC 9110), but browsers send one as it is, and a
# name may end in one: then only the
# second reading fits the whole header. The quantifiers are possessive: a header of 8 kB takes no longer than
# its length.
_READINGS = tuple(
    (
        re.compile(
            rb"form-data\s*+((?:;\s*+(?:%b\s*+=\s*+(?:%b|%b)\s*+)?+)*+)" % (_TOKEN, quoted, _BARE),
            re.IGNORECASE | re.DOTALL,
        ),
        re.compile(rb";\s*+(%b)\s*+=\s*+(?:%b|%b)" % (_TOKEN, quoted, _BARE), re.DOTALL),
    )
    for quoted in (_QUOTED, _UNESCAPED)
)
# of a parameter's name: RFC 2231's `*`, `*0` and `*0*`
_SECTION = re.compile(r"\*(?P<number>0|[1-9][0-9]?)?(?P<encoded>\*)?")
# WHATWG's "multipart/form-data encoding" escapes these three
_BY_BROWSERS = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)
# codecs that no client means
_NO_TEXT = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf_7", "undefined"})
_NO_FORM = "The body is not a form as multipart/form-data has it"
_OTHER_ENCODING = "The names and fields of a form are UTF-8, or in the encoding that they name"


class Form:
    """Fed to its end, then read. A context: its files are gone when it ends."""

    def __init__(self, content_type: str, *, max_files: int, files_field: str = "") -> None:
        """`files`: how many it may hold. `many`: the name that all of them have; then a file of another
        name is not kept, but named in `skipped`.
        """
        # the first thing that is wrong; what comes after it is not looked at
        self.error: ApiError | None = None
        self.fields: dict[str, str] = {}
        self.files: dict[str, SentFile] = {}  # those that are whole, where each has a name of its own
        self.repeated: list[SentFile] = []  # the same, where they share one
        # then the files that have another: (the part's name, the file's)
        self.skipped: list[tuple[str, str]] = []
        self.in_file = False  # a file has begun, whole or not
        self._max_files, self._files_field = max_files, files_field
        self._has_files_field = False  # a part has the name of many, be it a file or not
        self._keeping = True  # the part that is read is somebody's business
        self._spools: list[SpooledTemporaryFile[bytes]] = []
        self._parts, self._field_bytes, self._ended, self._discarded = 0, 0, False, False
        self._header_name, self._header_value, self._value = bytearray(), bytearray(), bytearray()
        self._headers: dict[str, bytes] = {}
        self._in_headers, self._resuming, self._continues, self._folds, self._last_header, self._before = (
            False,
            False,
            False,
            0,
            "",
            b"",
        )
        self._name, self._crc32, self._bytes = "", 0, 0
        self._filename: str | None = None  # None: the part is a field
        # the part is a field of the name of many, and may be a file that was given no name
        self._undecided = False
        # what came before the first boundary; None: the boundary has come
        self._preamble: bytearray | None = bytearray()
        self._parser: MultipartParser | None = None
        boundary = _BOUNDARY.fullmatch(content_type.strip())
        if boundary is not None:
            self._boundary: str = boundary[1] or boundary[2]
            self._parser = self._new_parser()
        elif content_type.partition(";")[0].strip().lower() == "multipart/form-data":
            self.error = Invalid("The form's boundary is missing from its content-type")
        else:
            self.error = UnsupportedType("The body must be multipart/form-data")

    def __enter__(self) -> Form:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._spools:
            spool.close()
        self._spools.clear()

    @property
    def document(self) -> dict[str, object]:
        """What it holds, by name, for a model to read."""
        if self._files_field:
            return {self._files_field: self.repeated} if self._has_files_field else {}
        return {**self.fields, **self.files}

    def fingerprint(self) -> bytes:
        """What makes two forms the same: what they hold, in its order, however it was spelled."""
        digest = hashlib.sha256(repr(sorted(compose_all(self.fields).items())).encode())
        for name, file in [*self.files.items(), *((self._files_field, each) for each in self.repeated)]:
            file.content.seek(0)
            content = hashlib.file_digest(file.content, "sha256").hexdigest()  # type: ignore[arg-type]  # a spool reads into a buffer as files do
            digest.update(
                repr((name, compose(file.filename), file.declared_type, file.size, content)).encode()
            )
        if self.skipped:
            digest.update(repr(self.skipped).encode())
        return digest.digest()

    def feed(self, chunk: bytes) -> None:
        if self._preamble is not None and self._parser is not None:
            chunk = self._after_preamble(self._preamble, chunk)
        for start in range(0, len(chunk), PIECE):
            if self._parser is None or self.error is not None or self._discarded:
                return
            piece = chunk[start : start + PIECE]
            try:
                self._write(self._parser, piece)
            except FormParserError:
                self.error = Invalid(_NO_FORM)
            except ApiError as error:
                self.error = error
            self._before = (self._before + piece)[-2:]

    def end(self) -> None:
        """There is no more."""
        if not self._ended and self.error is None:
            self.error = Invalid(
                _NO_FORM if self._preamble else "The form breaks off before its last boundary"
            )

    def discard(self) -> None:
        """What it still brings is nothing to anybody."""
        self._discarded = True
        self.__exit__()

    def _new_parser(self) -> MultipartParser:
        return MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_size=MAX_HEADER,
        )

    def _after_preamble(self, preamble: bytearray, chunk: bytes) -> bytes:
        """The form from its first boundary on; empty until that has come. RFC 2046, 5.1.1: what comes before
        the boundary is ignored, but the parser
        knows no such text.
        """
        preamble += chunk
        delimiter = b"--" + self._boundary.encode("latin-1")
        begins = 0 if preamble.startswith(delimiter) else preamble.find(b"\r\n" + delimiter)
        if begins >= 0:
            self._preamble = None
            return bytes(preamble[begins:])
        if len(preamble) > MAX_PREAMBLE:
            self.error = Invalid(_NO_FORM)
        return b""

    def _write(self, parser: MultipartParser, piece: bytes) -> None:
        """Feed the parser. It knows no folded headers (a line that begins with white space continues the one
        before; RFC 5322, 2.2.3): where it
        stops at one, a new parser goes on inside the same header.
        """
        while True:
            try:
                parser.write(piece)
            except MultipartParseError as error:
                line_begins = (self._before + piece)[: len(self._before) + error.offset].endswith(b"\r\n")
                if not (
                    self._in_headers
                    and self._last_header
                    and line_begins
                    and piece[error.offset : error.offset + 1] in (b" ", b"\t")
                ):
                    raise
                self._folds += 1
                if self._folds > MAX_FOLDS:
                    raise
                self._before, piece = b"", piece[error.offset + 1 :]
            else:
                return
            parser = self._parser = self._new_parser()
            self._resuming = True
            self._header_name.clear()
            parser.write(f"--{self._boundary}\r\n{self._last_header}:".encode("latin-1"))
            self._resuming, self._continues = False, True

    # Callbacks of the parser. A header, a value and a file come in pieces of any size.

    def _on_part_begin(self) -> None:
        if self._resuming:
            return
        self._parts += 1
        if self._parts > MAX_PARTS + self._max_files:
            raise Invalid(f"A form may have {MAX_PARTS + self._max_files} parts, and no more")
        self._headers, self._keeping, self._in_headers, self._folds, self._last_header = {}, True, True, 0, ""

    def _on_header_field(self, chunk: bytes, start: int, end: int) -> None:
        self._header_name += chunk[start:end]

    def _on_header_value(self, chunk: bytes, start: int, end: int) -> None:
        self._header_value += chunk[start:end]

    def _on_header_end(self) -> None:
        name = self._header_name.decode("latin-1").lower()
        before = self._headers.get(name)
        if before is not None and not self._continues:  # readers would differ in which one counts
            raise Invalid(_NO_FORM)
        self._headers[name] = (
            bytes(self._header_value) if before is None else before + b" " + self._header_value.lstrip()
        )
        self._last_header, self._continues = name, False
        self._header_name.clear()
        self._header_value.clear()
        if len(self._headers) > MAX_HEADERS or len(self._headers[name]) > MAX_HEADER:
            raise Invalid(_NO_FORM)

    def _on_headers_finished(self) -> None:
        self._in_headers = False
        encoding = self._headers.get("content-transfer-encoding", b"").strip().lower()
        if encoding in (b"base64", b"quoted-printable"):  # RFC 7578, 4.7: deprecated
            raise Invalid(f"A part of a form is sent as it is, not as {encoding.decode()}")
        found = _parameters(self._headers.get("content-disposition", b"").strip())
        name = None if found is None else _value(found, "name")
        if found is None or name is None:
            raise Invalid(_NO_FORM)
        self._name, self._filename = name, _value(found, "filename")
        self._count(len(self._name.encode()))
        if self._files_field:
            declared = self._headers.get("content-type", b"").strip().lower()
            if (
                self._name == self._files_field
                and self._filename is None
                and declared
                and not declared.startswith(b"text/plain")
            ):
                self._filename = ""  # a file that was given no name: reported like any file that is not taken
            self._has_files_field |= self._name == self._files_field
            self._undecided = self._name == self._files_field and self._filename is None
            self._keeping = self._name == self._files_field and self._filename is not None
            if self._keeping:
                self._begin_file()
            elif self._filename:
                self.skipped.append((self._name, self._filename))
            return
        if self._name in self.fields or self._name in self.files:
            raise Invalid(f"The form has {self._name[:100]} more than once")
        if self._filename is not None:
            self._begin_file()

    def _begin_file(self) -> None:
        if len(self._spools) == self._max_files:
            raise Invalid(
                "A form holds one file"
                if self._max_files == 1
                else f"A form holds up to {self._max_files} files"
            )
        self._spools.append(tempfile.SpooledTemporaryFile(IN_MEMORY, prefix="vitrine-"))  # noqa: SIM115 - closed together with the form
        self._crc32, self._bytes, self.in_file = 0, 0, True

    def _on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        piece = chunk[start:end]
        if self._undecided:
            self._value += piece
            if len(self._value) >= UNDECIDED:
                self._decide()
            return
        if not self._keeping:
            return
        if self._filename is None:
            self._count(len(piece))
            self._value += piece
            return
        self._spools[-1].write(piece)
        self._crc32 = zlib.crc32(piece, self._crc32)
        self._bytes += len(piece)

    def _decide(self) -> None:
        """A part of the name of many, without a file's name, is a field where it begins as text does, and is
        skipped; else it is a file that was
        given no name, and is reported like any file that is not taken.
        """
        self._undecided, begun = False, bytes(self._value)
        self._value.clear()
        if _is_text(begun):
            return
        self._filename, self._keeping = "", True
        self._begin_file()
        self._on_part_data(begun, 0, len(begun))

    def _on_part_end(self) -> None:
        if self._undecided:
            self._decide()
        if not self._keeping:
            return
        if self._filename is None:
            declared = self._headers.get("content-type", b"").decode("latin-1")
            self.fields[self._name] = _field(
                bytes(self._value), declared, usual=self.fields.get("_charset_", "")
            )
            self._value.clear()
            return
        declared = self._headers.get("content-type", b"").decode("latin-1")
        file = SentFile(self._filename, declared, self._bytes, self._crc32, self._spools[-1])
        if self._files_field:
            self.repeated.append(file)
        else:
            self.files[self._name] = file

    def _on_end(self) -> None:
        self._ended = True

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > MAX_FIELDS:
            raise Invalid(f"The fields of a form may hold {MAX_FIELDS} bytes, the file aside")


# Parsing of a part's headers.


def _parameters(disposition: bytes) -> dict[str, bytes] | None:
    """The parameters of a Content-Disposition, by name in small letters, unquoted. None: it is no
    form-data, or not to be read.
    """
    for escaped, (whole, each) in zip((True, False), _READINGS, strict=True):
        matched = whole.fullmatch(disposition)
        if matched is None:
            continue
        found: dict[str, bytes] = {}
        for name, quoted, bare in each.findall(matched[1]):
            key = name.decode("ascii").lower()
            if key in found:  # RFC 6266, 4.1: invalid, since readers would differ in which one counts
                return None
            found[key] = _unquoted(quoted, escaped=escaped) if quoted else bare.strip()
        return found
    return None


def _unquoted(value: bytes, *, escaped: bool) -> bytes:
    """The text of a quoted string. A sender that puts a backslash before quotes and backslashes alone is one
    that escapes them. Where one stands
    before anything else, as in `C:\\photos`, the sender escapes none, and only a quote can have been meant.
    """
    if not escaped:
        return value
    escapes = re.findall(rb"\\(.)", value, re.DOTALL)
    pattern = rb'\\(["\\])' if all(each in b'"\\' for each in escapes) else rb'\\(")'
    return re.sub(pattern, rb"\1", value)


def _value(found: dict[str, bytes], name: str) -> str | None:
    """A parameter's value: the extended form (RFC 8187 `name*`, RFC 2231 `name*0*`, `name*1`) where it is
    there and can be read, else the plain one.
    None: there is neither.
    """
    extended = _extended(found, name)
    if extended is not None and (extended or name not in found):
        return _storable(extended)
    if name not in found:
        return None
    plain = found[name]
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:  # as HTTP had it before RFC 7578 asked for UTF-8; what Windows calls Latin-1
        text = (
            plain.decode("cp1252", "replace")
            if not re.search(rb"[\x81\x8d\x8f\x90\x9d]", plain)
            else plain.decode("latin-1")
        )
    return _storable(re.sub("|".join(_BY_BROWSERS), lambda match: _BY_BROWSERS[match[0]], text))


def _extended(found: dict[str, bytes], name: str) -> str | None:
    """Raises Invalid where there is nothing else to read."""
    # by number: what it says, and whether that is percent-encoded
    sections: dict[int, tuple[bytes, bool]] = {}
    for key, value in found.items():
        if not key.startswith(f"{name}*"):
            continue
        match = _SECTION.fullmatch(key, len(name))
        if match is None:
            continue
        if match["number"] is None:
            if match["encoded"]:  # `name**`
                continue
            sections = {0: (value, True)}
            break
        sections[int(match["number"])] = (value, match["encoded"] is not None)
    if 0 not in sections:
        if sections and name not in found:
            raise Invalid(_NO_FORM)
        return None
    charset, whole = "utf-8", b""
    for number in range(len(sections)):
        if number not in sections:  # what comes after a gap belongs to nothing
            break
        value, encoded = sections[number]
        if encoded and number == 0 and value.count(b"'") >= 2:
            declared, _, value = value.split(b"'", 2)
            charset = declared.decode("latin-1").strip() or "utf-8"
        whole += unquote_to_bytes(value) if encoded else value
    text = _decoded(whole, charset)
    if text is None and name not in found:
        raise Invalid(_OTHER_ENCODING)
    return text


def _field(value: bytes, content_type: str, *, usual: str) -> str:
    """A field's text, in the encoding that its part names (RFC 7578, 4.4), or the one that the field
    `_charset_` named before (4.6: `usual`), or
    UTF-8.
    """
    charset = _CHARSET.search(content_type)
    text = _decoded(value, charset[1] if charset else usual or "utf-8")
    # `_charset_` named no encoding that there is, or another than the field is in
    if text is None and usual and charset is None:
        text = _decoded(value, "utf-8")
    if text is None:
        raise Invalid("The names and fields of a form are UTF-8" if charset is None else _OTHER_ENCODING)
    return _storable(text)


def _is_text(begun: bytes) -> bool:
    """Whether it may be the first bytes of a text in UTF-8: the last character may be cut."""
    try:
        return "\x00" not in codecs.getincrementaldecoder("utf-8")().decode(begun)
    except UnicodeDecodeError:
        return False


def _decoded(value: bytes, charset: str) -> str | None:
    """None: there is no such encoding, or this is not in it."""
    try:
        return None if codecs.lookup(charset).name.replace("-", "_") in _NO_TEXT else value.decode(charset)
    except (LookupError, ValueError):
        # UnicodeError is a ValueError; a NUL in the name of an encoding is another
        return None


def _storable(text: str) -> str:
    if "\x00" in text:
        raise Invalid("A text holds a character that cannot be stored")
    return text
