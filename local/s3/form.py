"""A browser's streamed form, multipart/form-data: its fields, then its one file."""

from collections.abc import AsyncIterator, Mapping

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from local.s3.errors import S3Error

_MAX_FIELDS = 20_000  # bytes before the file, S3's limit


class Form:
    """A form whose body is read once: `read_fields` completes `fields` (names in lower case), then
    `file_chunks` yields the file's bytes. Fields after the file are ignored.

    The constructor raises S3Error: InvalidArgument for another content type, MalformedPOSTRequest for an
    invalid boundary.
    """

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise S3Error(
                "InvalidArgument",
                "Bucket POST must be of the enclosure-type multipart/form-data",
                ArgumentName="Content-Type",
            )
        self._chunks = chunks
        self._fields: dict[str, str] = {}
        self._file: list[bytes] = []
        self._before_file = 0  # bytes
        self._name = ""
        self._value = bytearray()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._headers: dict[str, bytes] = {}
        self._state = "fields"  # then file, then after, then end
        self._has_file = False
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
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
            )
        except FormParserError:
            raise S3Error("MalformedPOSTRequest") from None

    @property
    def fields(self) -> Mapping[str, str]:
        return self._fields

    async def read_fields(self) -> None:
        """Read the fields before the file.

        Raises S3Error: InvalidArgument when the form has no file, or a field twice;
        MaxPostPreDataLengthExceeded when the fields are too large; MalformedPOSTRequest.
        """
        async for chunk in self._chunks:
            self._feed(chunk)
            if self._state != "fields":
                break
        if not self._has_file:
            raise S3Error(
                "InvalidArgument",
                "POST requires exactly one file upload per request.",
                ArgumentName="file",
                ArgumentValue="0",
            )

    async def file_chunks(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes in chunks, once, after `read_fields`.

        Raises S3Error MalformedPOSTRequest when the rest of the form is malformed or cut short.
        """
        for piece in self._take_chunks():
            yield piece
        async for chunk in self._chunks:
            self._feed(chunk)
            for piece in self._take_chunks():
                yield piece
        if self._state != "end":
            raise S3Error("MalformedPOSTRequest")

    def _take_chunks(self) -> list[bytes]:
        chunks, self._file = self._file, []
        return chunks

    def _feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise S3Error("MalformedPOSTRequest") from None

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, chunk: bytes, start: int, end: int) -> None:
        self._header_name += chunk[start:end]

    def _on_header_value(self, chunk: bytes, start: int, end: int) -> None:
        self._header_value += chunk[start:end]

    def _on_header_end(self) -> None:
        self._count(len(self._header_name) + len(self._header_value))
        self._headers[self._header_name.decode("latin-1").lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace").lower()
        if self._state == "fields" and self._name == "file":
            self._state, self._has_file = "file", True

    def _on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        if self._state == "file":
            self._file.append(chunk[start:end])
        elif self._state == "fields":
            self._count(end - start)
            self._value += chunk[start:end]

    def _on_part_end(self) -> None:
        if self._state == "file":
            self._state = "after"
        elif self._state == "fields":
            if self._name in self._fields:
                raise S3Error(
                    "InvalidArgument",
                    "POST requires exactly one value for each form field.",
                    ArgumentName=self._name,
                )
            try:
                self._fields[self._name] = self._value.decode("utf-8")
            except UnicodeDecodeError:
                raise S3Error("MalformedPOSTRequest") from None
            self._value.clear()

    def _on_end(self) -> None:
        self._state = "end"

    def _count(self, size: int) -> None:
        self._before_file += size if self._state == "fields" else 0
        if self._before_file > _MAX_FIELDS:
            raise S3Error("MaxPostPreDataLengthExceeded")
