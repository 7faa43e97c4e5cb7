"""One request: its parsed parts, and the server's parts that operations use."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from secrets import token_hex
from typing import ParamSpec, TypeVar
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope

from local.s3.blobs import Writing
from local.s3.body import AwsChunked, exactly, write_all
from local.s3.checksums import DEFAULT, FULL_OBJECT, OFFERED, Checksum, decode, is_well_formed
from local.s3.errors import S3Error
from local.s3.settings import Settings
from local.s3.signatures import CHUNKED, UNSIGNED, SignedRequest, Verifier
from local.s3.store import Condition, Store

_P = ParamSpec("_P")
_R = TypeVar("_R")

MAX_PUT = 5 << 30  # bytes of one PUT or POST
_MAX_DOCUMENT = 4 << 20  # bytes of an XML body; 10,000 parts with checksums have fewer
_MAX_METADATA = 2048  # bytes of user-defined metadata

# Headers that any request may have.
_COMMON = frozenset({"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent"})
# Headers about the check of a body.
BODY_HEADERS = frozenset(
    {"x-amz-sdk-checksum-algorithm", "x-amz-decoded-content-length", "x-amz-trailer"}
    | {f"x-amz-checksum-{name.lower()}" for name in OFFERED}
)
_STORED = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)


@dataclass
class Call:
    method: str
    bucket: str  # "" if the path has none
    key: str  # "" for the bucket itself
    resource: str  # the path as sent, without the query
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    signed: SignedRequest
    request: Request
    settings: Settings
    store: Store
    verifier: Verifier
    threads: Executor
    request_id: str
    payload: str = field(default=UNSIGNED)  # x-amz-content-sha256 as it was signed

    @classmethod
    def of(
        cls,
        scope: Scope,
        receive: Receive,
        settings: Settings,
        store: Store,
        verifier: Verifier,
        threads: Executor,
    ) -> "Call":
        raw: bytes = scope["raw_path"]
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        )
        query = tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        signed = SignedRequest(scope["method"], raw, query, headers)
        bucket, _, key = raw.removeprefix(b"/").partition(b"/")
        return cls(
            method=scope["method"],
            bucket=unquote_to_bytes(bucket).decode("utf-8", "replace"),
            key=unquote_to_bytes(key).decode("utf-8", "surrogateescape"),
            resource=raw.decode("latin-1"),
            query=dict(query),
            headers={name: signed.header(name) or "" for name, _ in headers},
            signed=signed,
            request=Request(scope, receive),
            settings=settings,
            store=store,
            verifier=verifier,
            threads=threads,
            request_id=token_hex(8).upper(),
        )

    async def run(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Run the work in a thread and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, lambda: work(*args, **kwargs))

    def allow_headers(self, *names: str, prefixes: tuple[str, ...] = ()) -> None:
        """Check that the request has no x-amz-* header but the common ones, `names`, and those with one of
        the `prefixes`. Raises S3Error NotImplemented for any other, because no such header is ever ignored.
        """
        for name in self.headers:
            if (
                name.startswith("x-amz-")
                and name not in _COMMON
                and name not in names
                and not name.startswith(prefixes or "\0")
            ):
                raise S3Error(
                    "NotImplemented",
                    "A header you provided implies functionality that is not implemented",
                    Header=name,
                )

    def number(self, name: str, default: int, *, maximum: int = 1000) -> int:
        """A numeric query parameter, limited to `maximum`."""
        text = self.query.get(name) or str(default)
        if not re.fullmatch(r"\d{1,10}", text, re.ASCII) or int(text) > (1 << 31) - 1:
            raise S3Error(
                "InvalidArgument",
                f"Provided {name} not an integer or within integer range",
                ArgumentName=name,
                ArgumentValue=text,
            )
        return min(int(text), maximum)

    def condition(self) -> Condition:
        """The If-Match or If-None-Match header of a write."""
        absent = self.headers.get("if-none-match")
        if absent not in {None, "*"}:
            raise S3Error(
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
                Header="If-None-Match",
            )
        return Condition(self.headers.get("if-match"), if_absent=absent == "*")

    @property
    def location(self) -> str:
        """The object's URL on the request's host."""
        return f"http://{self.headers.get('host', '')}/{self.bucket}/{quote(self.key, safe='/~')}"

    async def document(self) -> bytes:
        """The body of at most 4 MiB, checked against the signed hash; for XML, not for files."""
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > _MAX_DOCUMENT:
                raise S3Error("MaxMessageLengthExceeded")
        if self.payload not in {UNSIGNED, CHUNKED} and hashlib.sha256(body).hexdigest() != self.payload:
            raise S3Error("XAmzContentSHA256Mismatch")
        return bytes(body)

    async def receive_file(self, algorithm: str | None, *, maximum: int) -> tuple[Writing, str]:
        """Write the body into a blob, and return it with the algorithm of the checksum to store.

        The body is checked against all hashes and sizes in the headers and trailers. `algorithm` is the
        required one; None: the client's choice. The caller finishes or discards the blob.
        """
        declared, trailer = (
            declared_checksum(self.headers),
            self.headers.get("x-amz-trailer", "").removeprefix("x-amz-checksum-").upper(),
        )
        if trailer and (self.payload != CHUNKED or trailer not in OFFERED):
            raise S3Error(
                "InvalidRequest", "The value specified in the x-amz-trailer header is not supported"
            )
        sent = declared.algorithm if declared else trailer
        announced = self.headers.get("x-amz-sdk-checksum-algorithm", "").upper()
        if announced and announced != sent:
            raise S3Error(
                "InvalidRequest",
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
                "x-amz-trailer headers were found.",
            )
        if algorithm and sent and sent != algorithm:
            raise S3Error(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, actual "
                f"checksum Type: {sent.lower()}",
            )
        stored = algorithm or sent or DEFAULT
        md5 = self._content_md5()
        size = self._announced_size()
        if size > maximum:
            raise S3Error("EntityTooLarge", ProposedSize=size, MaxSizeAllowed=maximum)

        chunked = AwsChunked(self.request.stream()) if self.payload == CHUNKED else None
        chunks = chunked.content() if chunked else self.request.stream()
        hashed = self.payload not in {UNSIGNED, CHUNKED}
        writing = await self.run(self.store.blobs.create, {stored, "SHA256"} if hashed else {stored})
        try:
            await write_all(exactly(chunks, size), writing, self.threads)
            if hashed and writing.digests["SHA256"].hex() != self.payload:
                raise S3Error("XAmzContentSHA256Mismatch", ClientComputedContentSHA256=self.payload)
            if md5 is not None and md5 != writing.digests["MD5"]:
                raise S3Error("BadDigest", CalculatedDigest=writing.digests.checksum("MD5").value)
            if chunked and trailer:
                declared = declared_checksum(chunked.trailers)
                if declared is None:
                    raise S3Error("MalformedTrailerError")
            if declared is not None and declared != writing.checksum(stored):
                raise S3Error(
                    "BadDigest",
                    f"The {declared.algorithm} you specified did not match the calculated checksum.",
                )
        except BaseException:
            writing.discard()
            raise
        return writing, stored

    def stored_headers(self) -> dict[str, str]:
        """The headers that are stored with the object and returned with it."""
        return stored_headers(self.headers)

    def _content_md5(self) -> bytes | None:
        text = self.headers.get("content-md5")
        if text is None:
            return None
        md5 = decode(text, 16)
        if md5 is None:
            raise S3Error("InvalidDigest")
        return md5

    def _announced_size(self) -> int:
        name = "x-amz-decoded-content-length" if self.payload == CHUNKED else "content-length"
        text = self.headers.get(name, "")
        if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
            raise S3Error("MissingContentLength")
        return int(text)


Operation = Callable[[Call], Awaitable[ASGIApp]]


def check_key(key: str) -> str:
    """Return the key. Raises S3Error unless it is UTF-8 of at most 1,024 bytes without NUL."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise S3Error("InvalidURI") from None
    if "\0" in key:
        raise S3Error("InvalidURI")
    if size > 1024:
        raise S3Error("KeyTooLongError", Size=size, MaxSizeAllowed=1024)
    return key


def stored_headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The headers or form fields (names in lower case) that are stored with an object.

    Raises S3Error MetadataTooLarge for more metadata than S3 stores.
    """
    stored = {name: fields[name] for name in _STORED if fields.get(name)}
    encodings = [
        word
        for word in stored.pop("content-encoding", "").replace(" ", "").split(",")
        if word not in {"", "aws-chunked"}
    ]
    if encodings:
        stored["content-encoding"] = ",".join(encodings)
    metadata = {name: value for name, value in fields.items() if name.startswith("x-amz-meta-")}
    size = sum(
        len(name.removeprefix("x-amz-meta-").encode()) + len(value.encode())
        for name, value in metadata.items()
    )
    if size > _MAX_METADATA:
        raise S3Error("MetadataTooLarge", Size=size, MaxSizeAllowed=_MAX_METADATA)
    return {"content-type": "binary/octet-stream"} | stored | metadata


def declared_checksum(fields: Mapping[str, str]) -> Checksum | None:
    """The x-amz-checksum-* among headers, trailers or form fields (names in lower case); None: there is none.

    Raises S3Error when there are several, or the value is malformed.
    """
    declared = [
        Checksum(name, fields[header])
        for name in OFFERED
        if (header := f"x-amz-checksum-{name.lower()}") in fields
    ]
    if len(declared) > 1:
        raise S3Error(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    if declared and not is_well_formed(declared[0]):
        raise S3Error("InvalidRequest", f"Value for {declared[0].header} header is invalid.")
    return declared[0] if declared else None


def full_object_algorithm(headers: Mapping[str, str]) -> str:
    """The algorithm of the checksum of the whole object that an upload or a copy requests."""
    algorithm = headers.get("x-amz-checksum-algorithm", DEFAULT).upper()
    if algorithm not in OFFERED:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    # The default type is FULL_OBJECT for CRC64NVME, and COMPOSITE (a checksum of the parts' checksums) for
    # others.
    kind = headers.get("x-amz-checksum-type", "FULL_OBJECT" if algorithm == DEFAULT else "COMPOSITE")
    if kind != "FULL_OBJECT":
        raise S3Error(
            "NotImplemented",
            "Only checksums of the type FULL_OBJECT are implemented",
            Header="x-amz-checksum-type",
        )
    if algorithm not in FULL_OBJECT:
        raise S3Error(
            "InvalidRequest",
            f"The FULL_OBJECT checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return algorithm
