"""Objects: put, copy, get, head, delete, list."""

import asyncio
import base64
import binascii
import email.utils
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.s3.call import BODY_HEADERS, MAX_PUT, Call, check_key, stored_headers
from local.s3.checksums import OFFERED
from local.s3.documents import Element, document, encode_key, format_time
from local.s3.errors import S3Error
from local.s3.store import OpenedObject, StoredObject, matches

_OVERRIDES = (
    "content-type",
    "content-language",
    "expires",
    "cache-control",
    "content-disposition",
    "content-encoding",
)
_COPY_HEADERS = (
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-metadata-directive",
)


async def head_bucket(call: Call) -> ASGIApp:
    call.allow_headers()
    return Response(headers={"x-amz-bucket-region": call.settings.region}, media_type="application/xml")


async def put_or_copy_object(call: Call) -> ASGIApp:
    """PUT of a key: a copy when it has x-amz-copy-source."""
    check_key(call.key)
    return await (_copy(call) if "x-amz-copy-source" in call.headers else _put(call))


async def get_object(call: Call) -> ASGIApp:
    """GET or HEAD of the whole object or of one range."""
    call.allow_headers("x-amz-checksum-mode")
    opened = await call.run(call.store.open_object, call.key)
    try:
        headers, status, start, length = _response_of(opened.stored, call)
    except BaseException:
        await call.run(call.store.release, opened)
        raise
    if call.method == "HEAD" or status == 304:
        await call.run(call.store.release, opened)
        return Response(status_code=status, headers=headers)
    return _StreamedObject(call, opened, headers, status, start, length)


async def delete_object(call: Call) -> ASGIApp:
    call.allow_headers()
    if_match = call.headers.get("if-match")
    if if_match is None and call.settings.require_if_match_on_delete:
        raise S3Error(
            "AccessDenied",
            f"User is not authorized to perform: s3:DeleteObject on resource: {call.resource} with an "
            "explicit deny in a resource-based policy",
        )
    await call.run(call.store.delete, call.key, if_match)
    return Response(status_code=204)


async def list_objects(call: Call) -> ASGIApp:
    """ListObjectsV2, without delimiters."""
    call.allow_headers()
    if call.query["list-type"] != "2":
        raise S3Error("NotImplemented", "Only ListObjectsV2 is implemented", Parameter="list-type")
    encoding, prefix, token = (
        call.query.get("encoding-type"),
        call.query.get("prefix", ""),
        call.query.get("continuation-token"),
    )
    limit = call.number("max-keys", 1000)
    page = await call.run(
        call.store.list_objects,
        prefix,
        _decode_token(token) if token is not None else call.query.get("start-after", ""),
        limit,
    )
    elements: list[Element] = [
        ("Name", call.bucket),
        ("Prefix", encode_key(prefix, encoding)),
        *([("ContinuationToken", token)] if token is not None else []),
        *(
            [("StartAfter", encode_key(call.query["start-after"], encoding))]
            if "start-after" in call.query
            else []
        ),
        ("KeyCount", len(page.entries)),
        ("MaxKeys", limit),
        *([("EncodingType", encoding)] if encoding else []),
        ("IsTruncated", page.more and limit > 0),
    ]
    if page.more and page.entries:
        elements.append(
            ("NextContinuationToken", base64.urlsafe_b64encode(page.entries[-1].key.encode()).decode())
        )
    elements += [("Contents", _entry_of(entry, encoding)) for entry in page.entries]
    return Response(document("ListBucketResult", elements), media_type="application/xml")


async def _put(call: Call) -> ASGIApp:
    call.allow_headers(*BODY_HEADERS, prefixes=("x-amz-meta-",))
    since, condition, headers = time.time(), call.condition(), call.stored_headers()
    # checked before the body too, so that no body is sent in vain
    condition.check(await call.run(call.store.find, call.key))
    writing, algorithm = await call.receive_file(None, maximum=MAX_PUT)
    stored = await call.run(
        call.store.put,
        writing,
        call.key,
        headers,
        algorithm,
        condition,
        "ObjectCreated:Put",
        call.request_id,
        since=since,
    )
    return Response(
        headers={
            "etag": f'"{stored.etag}"',
            stored.checksum.header: stored.checksum.value,
            "x-amz-checksum-type": "FULL_OBJECT",
        }
    )


async def _copy(call: Call) -> ASGIApp:
    call.allow_headers(*_COPY_HEADERS, "x-amz-checksum-algorithm", prefixes=("x-amz-meta-",))
    since, condition = time.time(), call.condition()
    directive = call.headers.get("x-amz-metadata-directive", "COPY")
    if directive not in {"COPY", "REPLACE"}:
        raise S3Error(
            "InvalidArgument",
            "Unknown metadata directive.",
            ArgumentName="x-amz-metadata-directive",
            ArgumentValue=directive,
        )
    algorithm = call.headers.get("x-amz-checksum-algorithm", "").upper()
    if algorithm and algorithm not in OFFERED:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    key = _source_key(call)
    if key == call.key and directive == "COPY":
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the object's metadata, storage class, website redirect location or encryption attributes.",
        )

    opened = await call.run(call.store.open_object, key)
    try:
        source = opened.stored
        for header, wrong in (
            ("x-amz-copy-source-if-match", False),
            ("x-amz-copy-source-if-none-match", True),
        ):
            if header in call.headers and matches(call.headers[header], source.etag) is wrong:
                raise S3Error("PreconditionFailed", Condition=header)
        if source.size > MAX_PUT:
            raise S3Error(
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy source: "
                f"{MAX_PUT}",
            )
        headers = source.headers if directive == "COPY" else stored_headers(call.headers)
        stored = await call.run(
            call.store.copy,
            opened,
            call.key,
            headers,
            algorithm or source.checksum.algorithm,
            condition,
            call.request_id,
            since=since,
        )
    finally:
        await call.run(call.store.release, opened)
    elements: list[Element] = [
        ("LastModified", format_time(stored.modified)),
        ("ETag", f'"{stored.etag}"'),
        (f"Checksum{stored.checksum.algorithm}", stored.checksum.value),
        ("ChecksumType", "FULL_OBJECT"),
    ]
    return Response(document("CopyObjectResult", elements), media_type="application/xml")


@dataclass(frozen=True)
class _StreamedObject:
    """A response that streams an object from disk, slice by slice, until the client disconnects."""

    call: Call
    opened: OpenedObject
    headers: Mapping[str, str]
    status: int
    start: int
    length: int

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        chunks = self.call.store.blobs.read(self.opened.pieces, self.start, self.length)
        disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            raw = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in self.headers.items()]
            await send({"type": "http.response.start", "status": self.status, "headers": raw})
            while not disconnected.done() and (chunk := await self.call.run(next, chunks, b"")):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not disconnected.done():
                await send({"type": "http.response.body", "body": b""})
        finally:
            disconnected.cancel()
            await self.call.run(_close, chunks)
            await self.call.run(self.call.store.release, self.opened)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _close(chunks: Iterator[bytes]) -> None:
    getattr(chunks, "close", lambda: None)()


def _response_of(stored: StoredObject, call: Call) -> tuple[dict[str, str], int, int, int]:
    """The response: headers, status, first byte and number of bytes. Raises S3Error."""
    if_match, if_none_match = call.headers.get("if-match"), call.headers.get("if-none-match")
    if if_match is not None and not matches(if_match, stored.etag):
        raise S3Error("PreconditionFailed", Condition="If-Match")
    validators = {
        "etag": f'"{stored.etag}"',
        "last-modified": email.utils.formatdate(stored.modified, usegmt=True),
    }
    if if_none_match is not None and matches(if_none_match, stored.etag):
        return (
            validators
            | {name: stored.headers[name] for name in ("cache-control", "expires") if name in stored.headers},
            304,
            0,
            0,
        )

    headers = {**stored.headers, **validators, "accept-ranges": "bytes"}
    for name in _OVERRIDES:
        if f"response-{name}" in call.query:
            headers[name] = _header_value(call.query[f"response-{name}"], name)
    start, length, partial = _range(call, stored)
    headers["content-length"] = str(length)
    if partial:
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
    elif call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers[stored.checksum.header] = stored.checksum.value
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    return headers, 206 if partial else 200, start, length


def _range(call: Call, stored: StoredObject) -> tuple[int, int, bool]:
    """First byte, number of bytes, and whether that is a range. As in S3, all but a single valid range is
    ignored.
    """
    text = call.headers.get("range", "")
    match = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", text.replace(" ", ""), re.ASCII)
    if_range = call.headers.get("if-range")
    if (
        match is None
        or match.groups() == ("", "")
        or (if_range is not None and if_range.strip('"') != stored.etag)
    ):
        return 0, stored.size, False
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return 0, stored.size, False
    start = int(first) if first else max(0, stored.size - int(last))
    end = min(int(last), stored.size - 1) if first and last else stored.size - 1
    if start > end:
        raise S3Error("InvalidRange", RangeRequested=text, ActualObjectSize=stored.size)
    return start, end - start + 1, True


def _header_value(value: str, name: str) -> str:
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        raise S3Error(
            "InvalidArgument",
            "Header value cannot contain control characters",
            ArgumentName=f"response-{name}",
        )
    return value


def _source_key(call: Call) -> str:
    path, _, parameters = call.headers["x-amz-copy-source"].partition("?")
    if parameters:
        raise S3Error("NotImplemented", Header="x-amz-copy-source")
    bucket, _, key = (
        unquote_to_bytes(path).decode("utf-8", "surrogateescape").removeprefix("/").partition("/")
    )
    if bucket != call.bucket:
        raise S3Error("NoSuchBucket", BucketName=bucket)
    if not key:
        raise S3Error(
            "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    return check_key(key)


def _decode_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise S3Error(
            "InvalidArgument",
            "The continuation token provided is incorrect",
            ArgumentName="continuation-token",
        ) from None


def _entry_of(entry: StoredObject, encoding: str | None) -> list[Element]:
    return [
        ("Key", encode_key(entry.key, encoding)),
        ("LastModified", format_time(entry.modified)),
        ("ETag", f'"{entry.etag}"'),
        ("ChecksumAlgorithm", entry.checksum.algorithm),
        ("ChecksumType", "FULL_OBJECT"),
        ("Size", entry.size),
        ("StorageClass", "STANDARD"),
    ]
