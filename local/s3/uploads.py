"""Multipart uploads: create, put a part, list, complete, abort."""

import re
import time

from starlette.responses import Response
from starlette.types import ASGIApp

from local.s3.call import BODY_HEADERS, Call, check_key, declared_checksum, full_object_algorithm
from local.s3.checksums import OFFERED
from local.s3.documents import Element, document, encode_key, format_time, read_completion
from local.s3.errors import S3Error
from local.s3.store import MAX_PART, Upload

_COMPLETE_HEADERS = frozenset(
    {"x-amz-checksum-type", "x-amz-mp-object-size"} | {f"x-amz-checksum-{name.lower()}" for name in OFFERED}
)


async def create(call: Call) -> ASGIApp:
    call.allow_headers("x-amz-checksum-algorithm", "x-amz-checksum-type", prefixes=("x-amz-meta-",))
    algorithm = full_object_algorithm(call.headers)
    upload = await call.run(call.store.create_upload, check_key(call.key), call.stored_headers(), algorithm)
    elements: list[Element] = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload.id)]
    return Response(
        document("InitiateMultipartUploadResult", elements),
        headers={"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": "FULL_OBJECT"},
        media_type="application/xml",
    )


async def put_part(call: Call) -> ASGIApp:
    call.allow_headers(*BODY_HEADERS)
    text = call.query["partNumber"]
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or not 1 <= int(text) <= 10_000:
        raise S3Error(
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=text,
        )
    upload = await _upload(call)
    writing, _ = await call.receive_file(upload.algorithm, maximum=MAX_PART)
    part = await call.run(call.store.put_part, upload, int(text), writing)
    return Response(headers={"etag": f'"{part.etag}"', part.checksum.header: part.checksum.value})


async def list_parts(call: Call) -> ASGIApp:
    call.allow_headers()
    upload = await _upload(call)
    after, limit = call.number("part-number-marker", 0, maximum=10_000), call.number("max-parts", 1000)
    page = await call.run(call.store.list_parts, upload, after, limit)
    elements: list[Element] = [
        ("Bucket", call.bucket),
        ("Key", encode_key(call.key, call.query.get("encoding-type"))),
        ("UploadId", upload.id),
        ("PartNumberMarker", after),
        ("NextPartNumberMarker", page.entries[-1].number if page.entries else 0),
        ("MaxParts", limit),
        ("IsTruncated", page.more and limit > 0),
        ("StorageClass", "STANDARD"),
        ("ChecksumAlgorithm", upload.algorithm),
        ("ChecksumType", "FULL_OBJECT"),
    ]
    for part in page.entries:
        entry: list[Element] = [
            ("PartNumber", part.number),
            ("LastModified", format_time(part.modified)),
            ("ETag", f'"{part.etag}"'),
            ("Size", part.size),
            (f"Checksum{part.checksum.algorithm}", part.checksum.value),
        ]
        elements.append(("Part", entry))
    return Response(document("ListPartsResult", elements), media_type="application/xml")


async def complete(call: Call) -> ASGIApp:
    call.allow_headers(*_COMPLETE_HEADERS)
    since = time.time()
    if call.headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() != "FULL_OBJECT":
        raise S3Error(
            "InvalidRequest",
            "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the "
            "same checksum mode.",
        )
    completed = await call.run(
        call.store.complete,
        call.query["uploadId"],
        call.key,
        read_completion(await call.document()),
        call.condition(),
        declared_checksum(call.headers),
        _declared_size(call),
        call.request_id,
        since=since,
    )
    elements: list[Element] = [
        ("Location", call.location),
        ("Bucket", call.bucket),
        ("Key", call.key),
        ("ETag", f'"{completed.etag}"'),
        (f"Checksum{completed.checksum.algorithm}", completed.checksum.value),
        ("ChecksumType", "FULL_OBJECT"),
    ]
    return Response(document("CompleteMultipartUploadResult", elements), media_type="application/xml")


async def abort(call: Call) -> ASGIApp:
    call.allow_headers()
    await call.run(call.store.abort, call.query["uploadId"], call.key)
    return Response(status_code=204)


async def list_uploads(call: Call) -> ASGIApp:
    call.allow_headers()
    encoding, prefix = call.query.get("encoding-type"), call.query.get("prefix", "")
    key, upload_id = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
    limit = call.number("max-uploads", 1000)
    # without an upload id the listing continues after all uploads of the key
    page = await call.run(call.store.list_uploads, prefix, (key, upload_id or ("~" if key else "")), limit)
    elements: list[Element] = [
        ("Bucket", call.bucket),
        ("KeyMarker", encode_key(key, encoding)),
        ("UploadIdMarker", upload_id),
        ("Prefix", encode_key(prefix, encoding)),
        ("MaxUploads", limit),
        *([("EncodingType", encoding)] if encoding else []),
        ("IsTruncated", page.more and limit > 0),
    ]
    if page.more and page.entries:
        elements += [
            ("NextKeyMarker", encode_key(page.entries[-1].key, encoding)),
            ("NextUploadIdMarker", page.entries[-1].id),
        ]
    for upload in page.entries:
        entry: list[Element] = [
            ("Key", encode_key(upload.key, encoding)),
            ("UploadId", upload.id),
            ("StorageClass", "STANDARD"),
            ("Initiated", format_time(upload.initiated)),
            ("ChecksumAlgorithm", upload.algorithm),
            ("ChecksumType", "FULL_OBJECT"),
        ]
        elements.append(("Upload", entry))
    return Response(document("ListMultipartUploadsResult", elements), media_type="application/xml")


async def _upload(call: Call) -> Upload:
    return await call.run(call.store.upload, call.query["uploadId"], call.key)


def _declared_size(call: Call) -> int | None:
    text = call.headers.get("x-amz-mp-object-size")
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise S3Error("InvalidRequest", "Value for x-amz-mp-object-size header is invalid.")
    return int(text)
