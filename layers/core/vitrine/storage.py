"""The store: sign, head, list parts, complete, copy, delete, ranges. The only module that knows S3.

Signing needs botocore's signers alone, which cost half of a client; calls go through a client that `aws`
makes at first use.
Checksums are always asked for in so many words. Errors of the store are told apart by their code, here and
nowhere else.
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

# What an original is stored as: whoever gets at its bare address gets a download, never a page. The type it
# is served with is signed into each URL.
STORED_TYPE = "application/octet-stream"
STORED_DISPOSITION = "attachment"
CHUNK = 4 * 1024 * 1024  # bytes


class StoreRejected(Exception):
    """The store refused, for a reason that lies in the request."""


class NoSuchUpload(StoreRejected):
    """The multipart upload is not open: completed, aborted, or never there."""


class AlreadyThere(StoreRejected):
    """A condition did not hold: the object is there already, or is not the one that was meant."""


class WrongChecksum(StoreRejected):
    """The bytes do not have the checksum that was declared."""


class WrongParts(StoreRejected):
    """The parts named are not the ones that are there, or not in order, or too small, or add up to
    another size.
    """


class NotThere(StoreRejected):
    """There is no such object."""


@dataclass(frozen=True, slots=True)
class OpenMultipart:
    """A multipart upload that the store holds open."""

    key: str
    upload_id: str
    initiated: datetime


# Signing.


def sign_get(
    key: str, *, mime_type: str | None = None, disposition: str | None = None, head: bool = False
) -> str:
    """A URL that reads one object for `read_url_ttl` seconds, served with this type and disposition. A
    signature is for one method: `head` for
    HEAD instead of GET.
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
    """A URL that puts one part. `size` (bytes) and `checksum` (CRC64NVME, base64) become signed headers,
    which the client must then send:
    S3 ignores a checksum in the query.
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
    """A form that puts one object at `key`, of this type and of `smallest` to `largest` bytes."""
    from botocore.auth import S3SigV4PostAuth
    from botocore.awsrequest import AWSRequest

    chosen = settings()
    expires_in = _no_longer_than_credentials(chosen.post_url_ttl)
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


def open_multipart(key: str, *, checksum_kind: Literal["CRC64NVME", "CRC32C"]) -> str:
    """The store's id of a new multipart upload, whose whole object will carry a checksum of this kind."""
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


def parts(key: str, upload_id: str) -> list[Part]:
    """Every part that is there, by number. Raises NoSuchUpload."""
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
    """The ETag of this part, which is there. Raises NoSuchUpload."""
    with _errors():
        return aws.s3().upload_part(
            Bucket=settings().bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data
        )["ETag"]


def complete(
    key: str,
    upload_id: str,
    chosen_parts: Sequence[tuple[int, str]],
    *,
    size: int | None,
    checksum: tuple[ChecksumKind, str] | None,
) -> None:
    """The parts (number, ETag) have become one object, if there was none.

    S3 may take minutes, and may answer 200 with an error in the body: botocore reads it and raises. Raises
    NoSuchUpload, AlreadyThere,
    WrongChecksum, WrongParts; ServiceUnavailable when the store does not answer, after which only a look at the object
    tells what happened.
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
            MultipartUpload={
                "Parts": [{"PartNumber": number, "ETag": etag} for number, etag in chosen_parts]
            },
            **declared,  # type: ignore[arg-type]
        )


def abort(key: str, upload_id: str) -> None:
    """The store holds no part of this upload any more. Repeated, because a part under way while aborting
    may stay.
    """
    for _ in range(5):
        try:
            with _errors():
                aws.s3().abort_multipart_upload(Bucket=settings().bucket, Key=key, UploadId=upload_id)
            parts(key, upload_id)
        except NoSuchUpload:
            return
    raise ServiceUnavailable("The store still holds parts of this upload; try again")


def head(key: str) -> Stored | None:
    """The object as the store sees it; None when there is none."""
    try:
        with _errors():
            answer = aws.s3().head_object(Bucket=settings().bucket, Key=key, ChecksumMode="ENABLED")
    except NotThere:
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
    """The source's bytes stand at `key` too, as an original. Raises AlreadyThere when the source has
    changed, NotThere when it is gone.
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
        raise NotThere(key)
    return copied


def put_original(key: str, file: SentFile) -> None:
    """The file stands at `key`, where nothing did, as an original. The store holds its bytes against the sum
    that was made as they came.

    Raises AlreadyThere, also where the answer to a first try was lost; ServiceUnavailable, after which only a look at the
    object tells what happened.
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
    """A small object of our own making stands at `key`."""
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
    """The object that had this ETag is not there. Raises AlreadyThere when another one is."""
    try:
        with _errors():
            aws.s3().delete_object(Bucket=settings().bucket, Key=key, IfMatch=etag)
    except NotThere:
        return


def beginning(stored: Stored, size: int) -> bytes:
    """The first `size` bytes, or all there are. Raises AlreadyThere when the object is another by now,
    NotThere when it is gone.
    """
    return piece(stored, 0, size)


def piece(stored: Stored, offset: int, size: int) -> bytes:
    """`size` bytes from `offset`, which lies within the object, or all there are. Raises as `beginning`
    does; ServiceUnavailable where the store gives fewer.
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


def chunks(stored: Stored) -> Iterator[bytes]:
    """The whole object, some mebibytes at a time. Raises as `beginning` does."""
    with _errors():
        answer = aws.s3().get_object(Bucket=settings().bucket, Key=stored.key, IfMatch=stored.etag)
        yield from answer["Body"].iter_chunks(CHUNK)


def listed(prefix: str = "") -> Iterator[Stored]:
    """Every object of the bucket: for holding the manifest against the store, nothing else."""
    with _errors():
        for page in (
            aws.s3().get_paginator("list_objects_v2").paginate(Bucket=settings().bucket, Prefix=prefix)
        ):
            for item in page.get("Contents", []):
                yield Stored(item.get("Key", ""), item.get("Size", 0), item.get("ETag", ""), None, "")


def open_multiparts(after: str = "") -> Iterator[OpenMultipart]:
    """The multipart uploads that the store holds open, by key, from after this one. Each has a key of its
    own: we open one per upload.
    """
    more = True
    while more:
        with _errors():
            page = aws.s3().list_multipart_uploads(Bucket=settings().bucket, KeyMarker=after)
        for item in page.get("Uploads", []):
            yield OpenMultipart(
                item.get("Key", ""), item.get("UploadId", ""), item.get("Initiated", datetime.now(UTC))
            )
        more, after = page.get("IsTruncated", False), page.get("NextKeyMarker", "")


def origin() -> str:
    """Where browsers reach the store: for the policies of pages."""
    address = urlsplit(_address())
    return f"{address.scheme}://{address.netloc}"


def landed_keys(notification: str) -> list[str]:
    """The keys that a notification of the store is about, as they were put. Other messages of the store
    (its test event) name none.
    """
    records = json.loads(notification).get("Records", [])
    return [
        unquote_plus(record["s3"]["object"]["key"])
        for record in records
        if record.get("eventSource") == "aws:s3"
    ]


# Helpers of signing.


def _address(key: str = "") -> str:
    """Where clients reach the object: the regional, virtual-host-style endpoint, or the path-style one
    that was configured.
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

    expires_in = _no_longer_than_credentials(lifetime)
    url = _address(key) + ("?" + urlencode(query, quote_via=quote) if query else "")
    request = AWSRequest(method, url, headers=dict(headers))
    S3SigV4QueryAuth(_credentials(), "s3", settings().aws_region, expires=expires_in).add_auth(request)
    return str(request.url), expires_in


def _no_longer_than_credentials(seconds: int) -> int:
    # A URL dies with the credentials that signed it, whatever expiry it names. Where their end is known,
    # never promise more.
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

_REFUSALS: dict[str, type[StoreRejected]] = {
    "NoSuchUpload": NoSuchUpload,
    "PreconditionFailed": AlreadyThere,
    "412": AlreadyThere,
    "ConditionalRequestConflict": AlreadyThere,
    "OperationAborted": AlreadyThere,
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
    "NoSuchKey": NotThere,
    "404": NotThere,
    "NotFound": NotThere,
}


class _errors:  # noqa: N801 - a context manager that is read as a function
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, StoreRejected):
            return
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        if isinstance(error, ClientError):
            _reject(error)
        if isinstance(error, (HTTPClientError, BotoCoreError)):
            raise ServiceUnavailable("The store is not answering; try again") from error


def _reject(error: ClientError) -> NoReturn:
    said = error.response.get("Error", {})
    rejection = _REFUSALS.get(said.get("Code", ""))
    if rejection is not None:
        raise rejection(said.get("Message", said.get("Code", ""))) from error
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) >= 500 or said.get("Code") in (
        "SlowDown",
        "RequestTimeout",
    ):
        raise ServiceUnavailable("The store is not answering; try again") from error
    raise error
