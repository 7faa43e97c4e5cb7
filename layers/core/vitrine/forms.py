"""multipart/form-data as it streams in: short fields are kept, files are spooled to the disk and summed on the way.

What is wrong with a form is kept, not raised: who asks is judged first, by the fields that came before. Names are those of browsers (WHATWG's
"multipart/form-data encoding"): UTF-8, in quotes that nothing but the next quote ends, since a quote within is sent as %22.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import zlib
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from vitrine.errors import Invalid, Refusal, UnsupportedType
from vitrine.models import SentFile
from vitrine.texts import compose, composed

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

MAX_PARTS = 63                # beside its files
MAX_FIELDS = 128 * 1024        # bytes of all fields together, names included
MAX_HEADER = 8 * 1024          # bytes of a part's header; a name of 255 characters takes 1 kB
IN_MEMORY = 1024 * 1024        # bytes of a file before it goes to the disk

_BOUNDARY = re.compile(r'multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;.*)?', re.IGNORECASE | re.ASCII)
_DISPOSITION = re.compile(rb'form-data\s*((?:;\s*[a-z*]+=(?:"[^"]*"|[^\s;"]*)\s*)*);?', re.IGNORECASE)
_PARAMETER = re.compile(rb';\s*([a-z*]+)=(?:"([^"]*)"|([^\s;"]*))', re.IGNORECASE)
_NO_FORM = "The body is not a form as multipart/form-data has it"


class Form:
    """Fed to its end, then read. A context: its files are gone when it ends."""

    def __init__(self, content_type: str, *, files: int, many: str = "") -> None:
        """`files`: how many it may hold. `many`: the name that all of them have; then what has another name is let go by."""
        self.fault: Refusal | None = None       # the first thing that is wrong; what comes after it is not looked at
        self.fields: dict[str, str] = {}
        self.files: dict[str, SentFile] = {}    # those that are whole, where each has a name of its own
        self.repeated: list[SentFile] = []      # the same, where they share one
        self.in_file = False                    # a file has begun, whole or not
        self._most_files, self._many = files, many
        self._has_many = False                  # a part has the name of many, be it a file or not
        self._keeping = True                    # the part that is read is somebody's business
        self._spools: list[SpooledTemporaryFile[bytes]] = []
        self._parts, self._field_bytes, self._ended, self._given_up = 0, 0, False, False
        self._header_name, self._header_value, self._value = bytearray(), bytearray(), bytearray()
        self._headers: dict[str, bytes] = {}
        self._name, self._crc32, self._bytes = "", 0, 0
        self._filename: str | None = None       # None: the part is a field
        self._parser: MultipartParser | None = None
        boundary = _BOUNDARY.fullmatch(content_type.strip())
        if boundary is not None:
            self._parser = MultipartParser(
                boundary[1] or boundary[2],
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
        elif content_type.partition(";")[0].strip().lower() == "multipart/form-data":
            self.fault = Invalid("The form's boundary is missing from its content-type")
        else:
            self.fault = UnsupportedType("The body must be multipart/form-data")

    def __enter__(self) -> Form:
        return self

    def __exit__(self, *_: object) -> None:
        for spool in self._spools:
            spool.close()
        self._spools.clear()

    @property
    def document(self) -> dict[str, object]:
        """What it holds, by name, for a model to read."""
        if self._many:
            return {self._many: self.repeated} if self._has_many else {}
        return {**self.fields, **self.files}

    def said(self) -> bytes:
        """What makes two forms the same: what they hold, in its order, however it was spelled."""
        digest = hashlib.sha256(repr(sorted(composed(self.fields).items())).encode())
        for name, file in [*self.files.items(), *((self._many, each) for each in self.repeated)]:
            file.content.seek(0)
            content = hashlib.file_digest(file.content, "sha256").hexdigest()  # type: ignore[arg-type]  # a spool reads into a buffer as files do
            digest.update(repr((name, compose(file.filename), file.declared_type, file.size, content)).encode())
        return digest.digest()

    def feed(self, chunk: bytes) -> None:
        if self._parser is None or self.fault is not None or self._given_up:
            return
        try:
            self._parser.write(chunk)
        except FormParserError:
            self.fault = Invalid(_NO_FORM)
        except Refusal as refusal:
            self.fault = refusal

    def end(self) -> None:
        """There is no more."""
        if not self._ended and self.fault is None:
            self.fault = Invalid("The form breaks off before its last boundary")

    def give_up(self) -> None:
        """What it still brings is nothing to anybody."""
        self._given_up = True
        self.__exit__()

    # What the parser tells. A header, a value and a file come in pieces of any size.

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS + self._most_files:
            raise Invalid(f"A form may have {MAX_PARTS + self._most_files} parts, and no more")
        self._headers, self._keeping = {}, True

    def _on_header_field(self, chunk: bytes, start: int, end: int) -> None:
        self._header_name += chunk[start:end]

    def _on_header_value(self, chunk: bytes, start: int, end: int) -> None:
        self._header_value += chunk[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        disposition = _DISPOSITION.fullmatch(self._headers.get("content-disposition", b"").strip())
        found = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(disposition[1])} if disposition else {}
        if b"name" not in found:
            raise Invalid(_NO_FORM)
        self._name = _text(found[b"name"]).replace("%22", '"')
        self._filename = _text(found[b"filename"]).replace("%22", '"') if b"filename" in found else None
        self._count(len(found[b"name"]))
        if self._many:
            self._has_many |= self._name == self._many
            self._keeping = self._name == self._many and self._filename is not None
            if self._keeping:
                self._begin_file()
            return
        if self._name in self.fields or self._name in self.files:
            raise Invalid(f"The form has {self._name[:100]} more than once")
        if self._filename is not None:
            self._begin_file()

    def _begin_file(self) -> None:
        if len(self._spools) == self._most_files:
            raise Invalid("A form holds one file" if self._most_files == 1 else f"A form holds up to {self._most_files} files")
        self._spools.append(tempfile.SpooledTemporaryFile(IN_MEMORY, prefix="vitrine-"))  # noqa: SIM115 - closed with the form
        self._crc32, self._bytes, self.in_file = 0, 0, True

    def _on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        if not self._keeping:
            return
        piece = chunk[start:end]
        if self._filename is None:
            self._count(len(piece))
            self._value += piece
            return
        self._spools[-1].write(piece)
        self._crc32 = zlib.crc32(piece, self._crc32)
        self._bytes += len(piece)

    def _on_part_end(self) -> None:
        if not self._keeping:
            return
        if self._filename is None:
            self.fields[self._name] = _text(bytes(self._value))
            self._value.clear()
            return
        declared = self._headers.get("content-type", b"").decode("latin-1")
        file = SentFile(self._filename, declared, self._bytes, self._crc32, self._spools[-1])
        if self._many:
            self.repeated.append(file)
        else:
            self.files[self._name] = file

    def _on_end(self) -> None:
        self._ended = True

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > MAX_FIELDS:
            raise Invalid(f"The fields of a form may hold {MAX_FIELDS} bytes, the file aside")


def _text(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The names and fields of a form are UTF-8") from None
    if "\x00" in text:
        raise Invalid("A text holds a character that cannot be stored")
    return text
