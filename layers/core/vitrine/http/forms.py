"""multipart/form-data as it streams in. Fields are kept in memory; files are spooled to disk, with their size
and checksum.

Errors of a form are kept, not raised, because the caller is authorized first, by the fields that came before.
python-multipart splits the body into parts; `form_parts` reads their headers and fields.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import zlib
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser

from vitrine.errors import ApiError, Invalid, UnsupportedType
from vitrine.http.form_parts import MALFORMED, disposition_parameters, field_text, is_text, parameter_text
from vitrine.models.uploads import SentFile
from vitrine.texts import compose, compose_all

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

MAX_PARTS = 63  # beside the files
MAX_FIELDS = 128 * 1024  # bytes of all fields together, including their names
MAX_HEADER = 8 * 1024  # bytes of a part's header; a name of 255 characters takes 1 kB
MAX_HEADERS = 16  # of one part
MAX_PREAMBLE = 8 * 1024  # bytes before the first boundary: a line or two for mail readers without MIME
UNDECIDED = 512  # bytes of a part without a file's name, by which a text is distinguished from a file
MAX_FOLDS = 16  # lines of one part that continue the header of the line before
PIECE = 64 * 1024  # bytes that the parser gets at a time: all that is parsed again after a folded line
IN_MEMORY = 1024 * 1024  # bytes of a file before it is moved to disk

_BOUNDARY = re.compile(
    r'multipart/form-data\s*;(?:.*;)?\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;.*)?',
    re.IGNORECASE | re.ASCII,
)


class Form:
    """A multipart form, parsed as it streams in: `feed` each chunk, then `end`, then read the attributes. It
    is a
    context manager, and leaving it deletes the files.
    """

    def __init__(self, content_type: str, *, max_files: int, files_field: str = "") -> None:
        """`files_field` is the name that all files share. A file of another name is then not kept, but listed
        in `skipped`. Without it each file has a name of its own.
        """
        self.error: ApiError | None = None  # the first one; nothing after it is parsed
        self.fields: dict[str, str] = {}
        self.files: dict[str, SentFile] = {}  # complete ones by name, without `files_field`
        self.repeated: list[SentFile] = []  # complete ones, with `files_field`
        self.skipped: list[tuple[str, str]] = []  # files of other names: (name of the part, name of the file)
        self.in_file = False  # whether a file has begun, complete or not
        self._max_files, self._files_field = max_files, files_field
        self._has_files_field = False  # whether a part has that name, be it a file or not
        self._spools: list[SpooledTemporaryFile[bytes]] = []
        self._parts, self._field_bytes, self._ended, self._discarded = 0, 0, False, False

        # the headers of the part that is read
        self._header_name, self._header_value = bytearray(), bytearray()
        self._headers: dict[str, bytes] = {}
        self._in_headers = False
        self._last_header = ""
        self._folds = 0
        self._resuming = False  # a new parser is led to the place where the one before stopped
        self._continues = False  # the header that comes next continues the last one
        self._before = b""  # the last two bytes of the piece before

        # the content of the part that is read
        self._name = ""
        self._filename: str | None = None  # None: the part is a field
        self._keeping = True  # False: the part is skipped
        self._undecided = False  # the part has the name of `files_field` and no file's name: text, or a file
        self._value = bytearray()
        self._crc32, self._bytes = 0, 0

        self._preamble: bytearray | None = bytearray()  # None: the first boundary has come
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
        """Fields and files by name, for a model to read."""
        if self._files_field:
            return {self._files_field: self.repeated} if self._has_files_field else {}
        return {**self.fields, **self.files}

    def fingerprint(self) -> bytes:
        """Return a digest of what the form contains. It is the same for another boundary, another order of
        fields and another Unicode form.
        """
        digest = hashlib.sha256(repr(sorted(compose_all(self.fields).items())).encode())
        for name, file in [*self.files.items(), *((self._files_field, each) for each in self.repeated)]:
            file.content.seek(0)
            content = hashlib.file_digest(file.content, "sha256").hexdigest()  # type: ignore[arg-type]  # a spool has readinto, as files have
            digest.update(
                repr((name, compose(file.filename), file.declared_type, file.size, content)).encode()
            )
        if self.skipped:
            digest.update(repr(self.skipped).encode())
        return digest.digest()

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes of the body."""
        if self._preamble is not None and self._parser is not None:
            chunk = self._without_preamble(self._preamble, chunk)
        for start in range(0, len(chunk), PIECE):
            if self._parser is None or self.error is not None or self._discarded:
                return
            piece = chunk[start : start + PIECE]
            try:
                self._write(self._parser, piece)
            except FormParserError:
                self.error = Invalid(MALFORMED)
            except ApiError as error:
                self.error = error
            self._before = (self._before + piece)[-2:]

    def end(self) -> None:
        """Check that the form is complete, once the body has been fed."""
        if not self._ended and self.error is None:
            self.error = Invalid(
                MALFORMED if self._preamble else "The form breaks off before its last boundary"
            )

    def discard(self) -> None:
        """Delete the files, and ignore what is fed from now on."""
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

    def _without_preamble(self, preamble: bytearray, chunk: bytes) -> bytes:
        """Return the form from its first boundary on; empty until that has come.

        Text before the first boundary is ignored (RFC 2046, 5.1.1), and the parser cannot read it.
        """
        preamble += chunk
        delimiter = b"--" + self._boundary.encode("latin-1")
        begins = 0 if preamble.startswith(delimiter) else preamble.find(b"\r\n" + delimiter)
        if begins >= 0:
            self._preamble = None
            return bytes(preamble[begins:])
        if len(preamble) > MAX_PREAMBLE:
            self.error = Invalid(MALFORMED)
        return b""

    def _write(self, parser: MultipartParser, piece: bytes) -> None:
        """Feed the parser, and replace it where it stops at a folded header, which it cannot read: a line
        that begins with white space continues the one before (RFC 5322, 2.2.3).

        The new parser is fed the boundary and the name of the same header, so that it goes on inside its
        value.
        """
        while True:
            try:
                parser.write(piece)
            except MultipartParseError as error:
                line_begins = (self._before + piece)[: len(self._before) + error.offset].endswith(b"\r\n")
                is_fold = (
                    self._in_headers
                    and self._last_header
                    and line_begins
                    and piece[error.offset : error.offset + 1] in (b" ", b"\t")
                )
                self._folds += bool(is_fold)
                if not is_fold or self._folds > MAX_FOLDS:
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
        if before is not None and not self._continues:  # readers would differ in which of the two counts
            raise Invalid(MALFORMED)
        self._headers[name] = (
            bytes(self._header_value) if before is None else before + b" " + self._header_value.lstrip()
        )
        self._last_header, self._continues = name, False
        self._header_name.clear()
        self._header_value.clear()
        if len(self._headers) > MAX_HEADERS or len(self._headers[name]) > MAX_HEADER:
            raise Invalid(MALFORMED)

    def _on_headers_finished(self) -> None:
        self._in_headers = False
        encoding = self._header("content-transfer-encoding").strip().lower()
        if encoding in (b"base64", b"quoted-printable"):  # deprecated by RFC 7578, 4.7
            raise Invalid(f"A part of a form is sent as it is, not as {encoding.decode()}")
        parameters = disposition_parameters(self._header("content-disposition").strip())
        name = None if parameters is None else parameter_text(parameters, "name")
        if parameters is None or name is None:
            raise Invalid(MALFORMED)
        self._name, self._filename = name, parameter_text(parameters, "filename")
        self._count_field_bytes(len(self._name.encode()))
        if self._files_field:
            self._begin_part_of_files_form()
            return
        if self._name in self.fields or self._name in self.files:
            raise Invalid(f"The form has {self._name[:100]} more than once")
        if self._filename is not None:
            self._begin_file()

    def _begin_part_of_files_form(self) -> None:
        """Keep a file of the shared name, list another file as skipped, and ignore fields."""
        has_its_name = self._name == self._files_field
        self._has_files_field |= has_its_name
        if has_its_name and self._filename is None:
            declared = self._header("content-type").strip().lower()
            if declared and not declared.startswith(b"text/plain"):
                self._filename = ""  # a file without a name: reported like any file that is not accepted
        self._undecided = has_its_name and self._filename is None
        self._keeping = has_its_name and self._filename is not None
        if self._keeping:
            self._begin_file()
        elif self._filename:
            self.skipped.append((self._name, self._filename))

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
                self._decide_text_or_file()
            return
        if not self._keeping:
            return
        if self._filename is None:
            self._count_field_bytes(len(piece))
            self._value += piece
            return
        self._spools[-1].write(piece)
        self._crc32 = zlib.crc32(piece, self._crc32)
        self._bytes += len(piece)

    def _decide_text_or_file(self) -> None:
        """Skip a part without a filename when its first bytes are text. Otherwise it is a file with an empty
        name, which is reported like any file that is not accepted.
        """
        self._undecided, beginning = False, bytes(self._value)
        self._value.clear()
        if is_text(beginning):
            return
        self._filename, self._keeping = "", True
        self._begin_file()
        self._on_part_data(beginning, 0, len(beginning))

    def _on_part_end(self) -> None:
        if self._undecided:
            self._decide_text_or_file()
        if not self._keeping:
            return
        declared = self._header("content-type").decode("latin-1")
        if self._filename is None:
            default = self.fields.get("_charset_", "")
            self.fields[self._name] = field_text(bytes(self._value), declared, default=default)
            self._value.clear()
            return
        file = SentFile(self._filename, declared, self._bytes, self._crc32, self._spools[-1])
        if self._files_field:
            self.repeated.append(file)
        else:
            self.files[self._name] = file

    def _on_end(self) -> None:
        self._ended = True

    def _header(self, name: str) -> bytes:
        return self._headers.get(name, b"")

    def _count_field_bytes(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > MAX_FIELDS:
            raise Invalid(f"The fields of a form may hold {MAX_FIELDS} bytes, the file aside")
