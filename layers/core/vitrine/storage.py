"""The object store: signing, reading, writing, multipart uploads. The only module that knows S3.

Layout of the bucket (the ids are 32 hex digits):

    incoming/{upload}                                          posted by a browser's form, until it is copied
    originals/{organization}/{version}/{random}                an original, as it was uploaded
    derived/{organization}/{version}/{generation}/{name}       frames and thumbnails that we made

A client gets signatures for one form under incoming/, or for the parts of one multipart upload to originals/.
No client's signature names an object that has been verified: a posted object is copied to a fresh key first.
Originals are stored as a download (`application/octet-stream`, `attachment`), so that the bucket serves no
page. Every object has a row in the object registry before it is put; only `vitrine/library/objects.py`
deletes objects.

Complete joins the parts into one object and checks its checksum; it does nothing when the key has an object
(`If-None-Match: *`). Parts that were put and never completed are invisible, but are paid for until the upload
is aborted: by the client, by the sweep, or by the bucket's lifecycle rule after 7 days. Abort is repeated
until no part is left. The bucket is not versioned: a deleted object is gone.

Writes are conditional, because calls may be repeated and may race: `put_original` and `complete` with
`If-None-Match: *`, `copy` with `x-amz-copy-source-if-match`, `delete` with `If-Match`. Reads of an object
that was looked at before carry its ETag (`If-Match`), so no result is made of two objects.

Permissions on the bucket, each given only to the functions that need it (template.yaml has the reasons):
s3:GetObject, s3:PutObject (also to sign for clients, to complete and to copy), s3:DeleteObject, s3:ListBucket
(so that a missing object is 404 and not 403), s3:AbortMultipartUpload, s3:ListMultipartUploadParts,
s3:ListBucketMultipartUploads.

Sizes are bytes, lifetimes seconds; an ETag includes its quotes; a checksum is base64. Parts are numbered from
1 to 10,000 and have 5 MiB to 5 GiB, the last one may be smaller
(docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).

Signing uses only botocore's signers, which take half as long to load as a client. Calls use a client that
`vitrine.aws` makes at first use. Checksums are always requested explicitly. Errors of the store are
distinguished by their code, here and nowhere else; when the store does not answer, every call raises
`errors.ServiceUnavailable`.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal, NoReturn
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

from vitrine import aws
from vitrine.errors import ServiceUnavailable
from vitrine.models.uploads import ChecksumKind, Part, SignedPart, SignedPost, Stored
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from botocore.credentials import Credentials
    from botocore.exceptions import ClientError

    from vitrine.models.uploads import SentFile

# The stored type of every original: a request without our signed overrides gets a download, never a page. The
# type that an original is served with is signed into each URL.
STORED_TYPE = "application/octet-stream"
STORED_DISPOSITION = "attachment"
CHUNK = 4 * 1024 * 1024  # bytes


class StoreRejected(Exception):
    """The store rejected a request, for a reason that lies in the request."""


class NoSuchUpload(StoreRejected):
    """The multipart upload is not open: it was completed or aborted, or never existed."""


class ConditionFailed(StoreRejected):
    """A condition was not met: the object exists already, or is not the one that was meant."""


class WrongChecksum(StoreRejected):
    """The bytes do not have the checksum that was declared."""


class WrongParts(StoreRejected):
    """The named parts are not those in the store, are not in order, are too small, or have another total
    size.
    """


class NoSuchObject(StoreRejected):
    """The object does not exist."""


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """A multipart upload that was created in the store, and neither completed nor aborted."""

    key: str
    upload_id: str  # the store's id
    initiated: datetime  # when it was created


# Signing.


def sign_get(
    key: str, *, mime_type: str | None = None, disposition: str | None = None, head: bool = False
) -> str:
    """Return a URL that reads one object, valid for `read_url_ttl` seconds, for GET, or for HEAD with `head`:
    a signature is for one method. No request is sent to the store, so the object may be missing.

    `mime_type` and `disposition` are the whole values of the headers Content-Type and Content-Disposition
    with which the store serves the object. None: the stored values.
    """
    query = {
        name: value
        for name, value in (
            ("response-content-type", mime_type),
            ("response-content-disposition", disposition),
        )
        if value is not None
    }
    return _presign("HEAD" if head else "GET", key, query, {}, settings().read_url_ttl)[0]


def sign_part(
    key: str, upload_id: str, number: int, *, size: int | None = None, checksum: str | None = None
) -> SignedPart:
    """Return a URL that puts one part, valid for `part_url_ttl` seconds. `size` (bytes) and `checksum`
    (CRC64NVME, base64) become signed headers, which the client must then send: S3 ignores a checksum in the
    query.
    """
    headers: dict[str, str] = {}
    if size is not None:
        headers["content-length"] = str(size)
    if checksum is not None:
        headers["x-amz-checksum-crc64nvme"] = checksum
    url, expires_in = _presign(
        "PUT", key, {"partNumber": str(number), "uploadId": upload_id}, headers, settings().part_url_ttl
    )
    return SignedPart(url, headers, expires_in)


def sign_post(key: str, *, mime_type: str, smallest: int, largest: int) -> SignedPost:
    """Return a form that puts one object at `key`, with this type and `smallest` to `largest` bytes. It can
    be posted again until it expires, after `post_url_ttl` seconds.
    """
    from botocore.auth import S3SigV4PostAuth
    from botocore.awsrequest import AWSRequest

    chosen = settings()
    expires_in = _limit_to_credentials(chosen.post_url_ttl)
    expiration = datetime.now(UTC) + timedelta(seconds=expires_in)
    request = AWSRequest("POST", _address())
    request.context["s3-presign-post-fields"] = {
        "key": key,
        "Content-Type": mime_type,
        "success_action_status": "201",
    }
    request.context["s3-presign-post-policy"] = {
        "expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": [
            {"bucket": chosen.bucket},
            {"key": key},
            {"Content-Type": mime_type},
            {"success_action_status": "201"},
            ["content-length-range", smallest, largest],
        ],
    }
    S3SigV4PostAuth(_credentials(), "s3", chosen.aws_region).add_auth(request)
    return SignedPost(_address(), request.context["s3-presign-post-fields"], expires_in)


# Calls.


def create_multipart(key: str, *, checksum_kind: Literal["CRC64NVME", "CRC32C"]) -> str:
    """Create a multipart upload at `key` and return the store's id of it. Its parts can be put until it is
    completed or aborted. The store computes a checksum of this kind over the whole object.
    """
    with _errors():
        answer = aws.s3().create_multipart_upload(
            Bucket=settings().bucket,
            Key=key,
            ContentType=STORED_TYPE,
            ContentDisposition=STORED_DISPOSITION,
            ChecksumAlgorithm=checksum_kind,
            ChecksumType="FULL_OBJECT",
        )
    return answer["UploadId"]


def list_parts(key: str, upload_id: str) -> list[Part]:
    """Return every part that is in the store, by number. Raises NoSuchUpload."""
    found: list[Part] = []
    with _errors():
        for page in (
            aws.s3()
            .get_paginator("list_parts")
            .paginate(Bucket=settings().bucket, Key=key, UploadId=upload_id)
        ):
            found += [
                Part(p.get("PartNumber", 0), p.get("Size", 0), p.get("ETag", ""))
                for p in page.get("Parts", [])
            ]
    return found


def put_part(key: str, upload_id: str, number: int, data: bytes) -> str:
    """Put one part and return its ETag. Raises NoSuchUpload."""
    with _errors():
        return aws.s3().upload_part(
            Bucket=settings().bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data
        )["ETag"]


def complete(
    key: str,
    upload_id: str,
    chosen: Sequence[tuple[int, str]],
    *,
    size: int | None,
    checksum: tuple[ChecksumKind, str] | None,
) -> None:
    """Join the parts (number, ETag) into one object, if the key has none. `size`: bytes of the object;
    `checksum`: kind and base64 value of the whole object; the store checks both where given.

    S3 may take minutes, and may answer 200 with an error in the body, which botocore reads and raises. Raises
    NoSuchUpload, ConditionFailed, WrongChecksum, WrongParts; ServiceUnavailable when the store does not
    answer: then only `head` can tell what happened.
    """
    declared: dict[str, str | int] = {}
    if size is not None:
        declared["MpuObjectSize"] = size
    if checksum is not None and checksum[0] != "SHA256":
        declared |= {f"Checksum{checksum[0]}": checksum[1], "ChecksumType": "FULL_OBJECT"}
    with _errors():
        aws.s3().complete_multipart_upload(
            Bucket=settings().bucket,
            Key=key,
            UploadId=upload_id,
            IfNoneMatch="*",
            MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in chosen]},
            **declared,  # type: ignore[arg-type]
        )


def abort(key: str, upload_id: str) -> None:
    """Abort a multipart upload until the store has none of its parts. It is repeated, because a part that is
    being put during an abort may remain. Raises ServiceUnavailable when parts remain after five tries.
    """
    for _ in range(5):
        try:
            with _errors():
                aws.s3().abort_multipart_upload(Bucket=settings().bucket, Key=key, UploadId=upload_id)
            list_parts(key, upload_id)
        except NoSuchUpload:
            return
    raise ServiceUnavailable("The store still holds parts of this upload; try again")


def head(key: str) -> Stored | None:
    """Return the object as the store reports it. None: it does not exist."""
    try:
        with _errors():
            answer = aws.s3().head_object(Bucket=settings().bucket, Key=key, ChecksumMode="ENABLED")
    except NoSuchObject:
        return None
    checksum = next(
        (
            f"{kind}:{value}"
            for kind in ("CRC64NVME", "CRC32C", "CRC32", "SHA256")
            if isinstance(value := answer.get(f"Checksum{kind}"), str)
        ),
        None,
    )
    return Stored(
        key, answer["ContentLength"], answer["ETag"], checksum, answer.get("ContentType", STORED_TYPE)
    )


def copy(source: Stored, key: str) -> Stored:
    """Copy an object to `key`, as an original, if its ETag is still the source's. Raises ConditionFailed
    when the source has changed, NoSuchObject when it is gone.
    """
    bucket = settings().bucket
    with _errors():
        aws.s3().copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": source.key},
            CopySourceIfMatch=source.etag,
            MetadataDirective="REPLACE",
            ContentType=STORED_TYPE,
            ContentDisposition=STORED_DISPOSITION,
            ChecksumAlgorithm="CRC64NVME",
        )
    copied = head(key)
    if copied is None:
        raise NoSuchObject(key)
    return copied


def put_original(key: str, file: SentFile) -> None:
    """Put a file at `key`, as an original, if the key has no object. The store checks the CRC32 that was
    computed while the file came in.

    Raises ConditionFailed when the key has an object, also when the response to a first try was lost;
    ServiceUnavailable when the store does not answer: then only `head` can tell what happened.
    """
    file.content.seek(0)
    with _errors():
        aws.s3().put_object(
            Bucket=settings().bucket,
            Key=key,
            Body=file.content,
            ContentLength=file.size,
            IfNoneMatch="*",
            ContentType=STORED_TYPE,
            ContentDisposition=STORED_DISPOSITION,
            ChecksumCRC32=b64encode(file.crc32.to_bytes(4, "big")).decode(),
        )


def put(key: str, data: bytes, mime_type: str) -> Stored:
    """Put a small object that we made ourselves at `key`. Browsers may cache it for a year."""
    with _errors():
        answer = aws.s3().put_object(
            Bucket=settings().bucket,
            Key=key,
            Body=data,
            ContentType=mime_type,
            CacheControl="private, max-age=31536000, immutable",
        )
    return Stored(key, len(data), answer["ETag"], None, mime_type)


def delete(key: str, etag: str) -> None:
    """Delete the object if it still has this ETag. An object that does not exist is no error. Raises
    ConditionFailed when the object is another one.
    """
    try:
        with _errors():
            aws.s3().delete_object(Bucket=settings().bucket, Key=key, IfMatch=etag)
    except NoSuchObject:
        return


def read_head(stored: Stored, size: int) -> bytes:
    """Return the first `size` bytes, or all when there are fewer. Raises ConditionFailed when the object
    was replaced, NoSuchObject when it is gone, ServiceUnavailable when the store sends fewer bytes.
    """
    return read_range(stored, 0, size)


def read_range(stored: Stored, offset: int, size: int) -> bytes:
    """Return `size` bytes from `offset`, which lies within the object, or the rest when there are fewer.
    Raises ConditionFailed when the object was replaced, NoSuchObject when it is gone, ServiceUnavailable
    when the store sends fewer bytes.
    """
    size = min(size, stored.bytes - offset)
    with _errors():
        answer = aws.s3().get_object(
            Bucket=settings().bucket,
            Key=stored.key,
            IfMatch=stored.etag,
            Range=f"bytes={offset}-{offset + size - 1}",
        )
        found = answer["Body"].read()
    if len(found) != size:
        raise ServiceUnavailable("The store gave less than it said; try again")
    return found


def read_chunks(stored: Stored) -> Iterator[bytes]:
    """Yield the whole object, CHUNK bytes at a time. Raises ConditionFailed when the object was replaced,
    NoSuchObject when it is gone.
    """
    with _errors():
        answer = aws.s3().get_object(Bucket=settings().bucket, Key=stored.key, IfMatch=stored.etag)
        yield from answer["Body"].iter_chunks(CHUNK)


def list_objects(prefix: str = "") -> Iterator[Stored]:
    """Yield every object of the bucket. Only for comparing the object registry with the store."""
    with _errors():
        for page in (
            aws.s3().get_paginator("list_objects_v2").paginate(Bucket=settings().bucket, Prefix=prefix)
        ):
            for item in page.get("Contents", []):
                yield Stored(item.get("Key", ""), item.get("Size", 0), item.get("ETag", ""), None, "")


def list_multiparts(after: str = "") -> Iterator[MultipartUpload]:
    """Yield the open multipart uploads, by key, after this one. Each has a key of its own, because we open
    one per upload.
    """
    more = True
    while more:
        with _errors():
            page = aws.s3().list_multipart_uploads(Bucket=settings().bucket, KeyMarker=after)
        for item in page.get("Uploads", []):
            yield MultipartUpload(
                item.get("Key", ""), item.get("UploadId", ""), item.get("Initiated", datetime.now(UTC))
            )
        more, after = page.get("IsTruncated", False), page.get("NextKeyMarker", "")


def origin() -> str:
    """Return the origin of the store, as browsers reach it, for Content-Security-Policy."""
    address = urlsplit(_address())
    return f"{address.scheme}://{address.netloc}"


def landed_keys(notification: str) -> list[str]:
    """Return the keys of the objects that a notification of the store reports, decoded. Its other messages,
    such as the test event, report none.
    """
    records = json.loads(notification).get("Records", [])
    return [
        unquote_plus(record["s3"]["object"]["key"])
        for record in records
        if record.get("eventSource") == "aws:s3"
    ]


# Helpers of signing.


def _address(key: str = "") -> str:
    """Return the object's URL for clients: at the regional, virtual-host-style endpoint, or path-style at the
    configured one.
    """
    chosen = settings()
    base = (
        f"{chosen.aws_endpoint_url_s3}/{chosen.bucket}"
        if chosen.aws_endpoint_url_s3
        else f"https://{chosen.bucket}.s3.{chosen.aws_region}.amazonaws.com"
    )
    return f"{base}/{quote(key, safe='/~')}"


def _presign(
    method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], lifetime: int
) -> tuple[str, int]:
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    expires_in = _limit_to_credentials(lifetime)
    url = _address(key) + ("?" + urlencode(query, quote_via=quote) if query else "")
    request = AWSRequest(method, url, headers=dict(headers))
    S3SigV4QueryAuth(_credentials(), "s3", settings().aws_region, expires=expires_in).add_auth(request)
    return str(request.url), expires_in


def _limit_to_credentials(seconds: int) -> int:
    # A URL expires with the credentials that signed it, whatever its own expiry is.
    end = os.environ.get("AWS_CREDENTIAL_EXPIRATION")
    if not end:
        return seconds
    left = (datetime.fromisoformat(end) - datetime.now(UTC)).total_seconds()
    return max(1, min(seconds, int(left)))


def _credentials() -> Credentials:
    from botocore.credentials import Credentials

    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return Credentials(access, secret, os.environ.get("AWS_SESSION_TOKEN"))
    return _resolved_credentials()


@cache
def _resolved_credentials() -> Credentials:
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        raise RuntimeError("There are no AWS credentials to sign with")
    return found


# Errors of the store, by code.

_ERRORS: dict[str, type[StoreRejected]] = {
    "NoSuchUpload": NoSuchUpload,
    "PreconditionFailed": ConditionFailed,
    "412": ConditionFailed,
    "ConditionalRequestConflict": ConditionFailed,
    "OperationAborted": ConditionFailed,
    "BadDigest": WrongChecksum,
    "InvalidDigest": WrongChecksum,
    "XAmzContentChecksumMismatch": WrongChecksum,
    "InvalidPart": WrongParts,
    "InvalidPartOrder": WrongParts,
    "EntityTooSmall": WrongParts,
    "EntityTooLarge": WrongParts,
    "InvalidRequest": WrongParts,
    "InvalidArgument": WrongParts,
    "MalformedXML": WrongParts,
    "NoSuchKey": NoSuchObject,
    "404": NoSuchObject,
    "NotFound": NoSuchObject,
}


class _errors:  # noqa: N801 - a context manager that is read as a function
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, StoreRejected):
            return
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        if isinstance(error, ClientError):
            _raise_typed(error)
        if isinstance(error, (HTTPClientError, BotoCoreError)):
            raise ServiceUnavailable("The store is not answering; try again") from error


def _raise_typed(error: ClientError) -> NoReturn:
    details = error.response.get("Error", {})
    rejection = _ERRORS.get(details.get("Code", ""))
    if rejection is not None:
        raise rejection(details.get("Message", details.get("Code", ""))) from error
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500 or details.get(
        "Code"
    ) in (
        "SlowDown",
        "RequestTimeout",
    ):
        raise ServiceUnavailable("The store is not answering; try again") from error
    raise error
