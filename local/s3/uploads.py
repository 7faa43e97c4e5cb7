"""Multipart uploads: create, put a part, list, complete, abort."""

import re
import time

from starlette.responses import Response
from starlette.types import ASGIApp

from local.s3.call import BODY_HEADERS, Call, checked_key, declared_checksum, full_object_algorithm
from local.s3.checksums import OFFERED
from local.s3.documents import Element, document, moment, read_completion, spelled
from local.s3.errors import S3Error
from local.s3.store import PART_MOST, Upload

_COMPLETE_HEADERS = frozenset(
    {"x-amz-checksum-type", "x-amz-mp-object-size"} | {f"x-amz-checksum-{name.lower()}" for name in OFFERED}
)


async def create(call: Call) -> ASGIApp:
    call.only("x-amz-checksum-algorithm", "x-amz-checksum-type", prefixes=("x-amz-meta-",))
    algorithm = full_object_algorithm(call.headers)
    upload = await call.run(call.store.create_upload, checked_key(call.key), call.stored_headers(), algorithm)
    told: list[Element] = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", upload.id)]
    return Response(
        document("InitiateMultipartUploadResult", told),
        headers={"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": "FULL_OBJECT"},
        media_type="application/xml",
    )


async def put_part(call: Call) -> ASGIApp:
    call.only(*BODY_HEADERS)
    text = call.query["partNumber"]
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or not 1 <= int(text) <= 10_000:
        raise S3Error(
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=text,
        )
    upload = await _upload(call)
    writing, _ = await call.receive_file(upload.algorithm, most=PART_MOST)
    part = await call.run(call.store.put_part, upload, int(text), writing)
    return Response(headers={"etag": f'"{part.etag}"', part.checksum.header: part.checksum.value})


async def list_parts(call: Call) -> ASGIApp:
    call.only()
    upload = await _upload(call)
    after, limit = call.number("part-number-marker", 0, most=10_000), call.number("max-parts", 1000)
    page = await call.run(call.store.list_parts, upload, after, limit)
    told: list[Element] = [
        ("Bucket", call.bucket),
        ("Key", spelled(call.key, call.query.get("encoding-type"))),
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
            ("LastModified", moment(part.modified)),
            ("ETag", f'"{part.etag}"'),
            ("Size", part.size),
            (f"Checksum{part.checksum.algorithm}", part.checksum.value),
        ]
        told.append(("Part", entry))
    return Response(document("ListPartsResult", told), media_type="application/xml")


async def complete(call: Call) -> ASGIApp:
    call.only(*_COMPLETE_HEADERS)
    since = time.time()
    if call.headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() != "FULL_OBJECT":
        raise S3Error(
            "InvalidRequest",
            "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same checksum mode.",
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
    told: list[Element] = [
        ("Location", call.location),
        ("Bucket", call.bucket),
        ("Key", call.key),
        ("ETag", f'"{completed.etag}"'),
        (f"Checksum{completed.checksum.algorithm}", completed.checksum.value),
        ("ChecksumType", "FULL_OBJECT"),
    ]
    return Response(document("CompleteMultipartUploadResult", told), media_type="application/xml")


async def abort(call: Call) -> ASGIApp:
    call.only()
    await call.run(call.store.abort, call.query["uploadId"], call.key)
    return Response(status_code=204)


async def list_uploads(call: Call) -> ASGIApp:
    call.only()
    encoding, prefix = call.query.get("encoding-type"), call.query.get("prefix", "")
    key, upload_id = call.query.get("key-marker", ""), call.query.get("upload-id-marker", "")
    limit = call.number("max-uploads", 1000)
    # Without an upload id the listing goes on after all uploads of that key.
    page = await call.run(call.store.list_uploads, prefix, (key, upload_id or ("~" if key else "")), limit)
    told: list[Element] = [
        ("Bucket", call.bucket),
        ("KeyMarker", spelled(key, encoding)),
        ("UploadIdMarker", upload_id),
        ("Prefix", spelled(prefix, encoding)),
        ("MaxUploads", limit),
        *([("EncodingType", encoding)] if encoding else []),
        ("IsTruncated", page.more and limit > 0),
    ]
    if page.more and page.entries:
        told += [
            ("NextKeyMarker", spelled(page.entries[-1].key, encoding)),
            ("NextUploadIdMarker", page.entries[-1].id),
        ]
    for upload in page.entries:
        entry: list[Element] = [
            ("Key", spelled(upload.key, encoding)),
            ("UploadId", upload.id),
            ("StorageClass", "STANDARD"),
            ("Initiated", moment(upload.initiated)),
            ("ChecksumAlgorithm", upload.algorithm),
            ("ChecksumType", "FULL_OBJECT"),
        ]
        told.append(("Upload", entry))
    return Response(document("ListMultipartUploadsResult", told), media_type="application/xml")


async def _upload(call: Call) -> Upload:
    return await call.run(call.store.upload, call.query["uploadId"], call.key)


def _declared_size(call: Call) -> int | None:
    text = call.headers.get("x-amz-mp-object-size")
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise S3Error("InvalidRequest", "Value for x-amz-mp-object-size header is invalid.")
    return int(text)
