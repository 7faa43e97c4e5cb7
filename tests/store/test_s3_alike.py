"""Operations against this server and against moto, where moto behaves like S3: both must pass these tests."""

import hashlib

import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

from tests.store.servers import BUCKET, MIB, rejected


@pytest.fixture(params=["s3", "moto_s3"])
def either(request: pytest.FixtureRequest) -> S3Client:
    chosen: S3Client = request.getfixturevalue(request.param)
    return chosen


def test_an_object_is_returned_as_it_was_put(either: S3Client, key: str) -> None:
    body = b"some bytes"

    put = either.put_object(
        Bucket=BUCKET,
        Key=key,
        Body=body,
        ContentType="image/jpeg",
        CacheControl="max-age=60",
        ContentDisposition="attachment",
        Metadata={"a": "b c"},
    )
    got = either.get_object(Bucket=BUCKET, Key=key)
    head = either.head_object(Bucket=BUCKET, Key=key)

    assert put["ETag"] == got["ETag"] == head["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert got["Body"].read() == body
    assert [
        got["ContentType"],
        got["CacheControl"],
        got["ContentDisposition"],
        got["Metadata"],
        got["ContentLength"],
        got["AcceptRanges"],
    ] == [
        "image/jpeg",
        "max-age=60",
        "attachment",
        {"a": "b c"},
        10,
        "bytes",
    ]
    assert [head["ContentType"], head["ContentLength"], head["Metadata"]] == ["image/jpeg", 10, {"a": "b c"}]


def test_an_object_without_a_type_has_s3s_default(either: S3Client, key: str) -> None:
    either.put_object(Bucket=BUCKET, Key=key, Body=b"")

    assert either.head_object(Bucket=BUCKET, Key=key)["ContentType"] == "binary/octet-stream"


@pytest.mark.parametrize(
    ("sent", "content_range", "body"),
    [
        ("bytes=0-0", "bytes 0-0/10", b"0"),
        ("bytes=2-5", "bytes 2-5/10", b"2345"),
        ("bytes=8-", "bytes 8-9/10", b"89"),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=-99", "bytes 0-9/10", b"0123456789"),
    ],
)
def test_one_range_of_an_object(
    either: S3Client, key: str, sent: str, content_range: str, body: bytes
) -> None:
    either.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")

    got = either.get_object(Bucket=BUCKET, Key=key, Range=sent)

    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["ContentRange"], got["Body"].read()) == (
        206,
        content_range,
        body,
    )


def test_a_range_beyond_the_object_is_416(either: S3Client, key: str) -> None:
    either.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")

    assert rejected(lambda: either.get_object(Bucket=BUCKET, Key=key, Range="bytes=10-")) == (
        416,
        "InvalidRange",
    )


def test_missing_objects_and_uploads(either: S3Client, key: str) -> None:
    assert rejected(lambda: either.get_object(Bucket=BUCKET, Key=key)) == (404, "NoSuchKey")
    assert rejected(lambda: either.head_object(Bucket=BUCKET, Key=key)) == (404, "404")
    assert rejected(lambda: either.get_object(Bucket="vitrine-none", Key=key)) == (404, "NoSuchBucket")
    assert rejected(lambda: either.list_parts(Bucket=BUCKET, Key=key, UploadId="none")) == (
        404,
        "NoSuchUpload",
    )
    assert rejected(lambda: either.delete_object(Bucket=BUCKET, Key=key, IfMatch="*")) == (404, "NoSuchKey")


def test_conditional_reads(either: S3Client, key: str) -> None:
    etag = either.put_object(Bucket=BUCKET, Key=key, Body=b"x")["ETag"]

    assert either.get_object(Bucket=BUCKET, Key=key, IfMatch=etag)["Body"].read() == b"x"
    assert rejected(lambda: either.get_object(Bucket=BUCKET, Key=key, IfMatch='"other"')) == (
        412,
        "PreconditionFailed",
    )
    assert rejected(lambda: either.get_object(Bucket=BUCKET, Key=key, IfNoneMatch=etag)) == (304, "304")


def test_conditional_writes(either: S3Client, key: str) -> None:
    etag = either.put_object(Bucket=BUCKET, Key=key, Body=b"x", IfNoneMatch="*")["ETag"]

    assert rejected(lambda: either.put_object(Bucket=BUCKET, Key=key, Body=b"y", IfNoneMatch="*")) == (
        412,
        "PreconditionFailed",
    )
    assert rejected(lambda: either.put_object(Bucket=BUCKET, Key=key, Body=b"y", IfMatch='"other"')) == (
        412,
        "PreconditionFailed",
    )
    assert rejected(lambda: either.put_object(Bucket=BUCKET, Key=f"{key}.none", Body=b"y", IfMatch=etag)) == (
        404,
        "NoSuchKey",
    )
    either.put_object(Bucket=BUCKET, Key=key, Body=b"z", IfMatch=etag)
    assert either.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"z"


def test_conditional_deletes(either: S3Client, key: str) -> None:
    etag = either.put_object(Bucket=BUCKET, Key=key, Body=b"x")["ETag"]

    assert rejected(lambda: either.delete_object(Bucket=BUCKET, Key=key, IfMatch='"other"')) == (
        412,
        "PreconditionFailed",
    )
    assert (
        either.delete_object(Bucket=BUCKET, Key=key, IfMatch=etag)["ResponseMetadata"]["HTTPStatusCode"]
        == 204
    )
    assert rejected(lambda: either.get_object(Bucket=BUCKET, Key=key)) == (404, "NoSuchKey")


def test_a_copy_with_other_metadata(either: S3Client, key: str) -> None:
    source: CopySourceTypeDef = {"Bucket": BUCKET, "Key": key}
    etag = either.put_object(Bucket=BUCKET, Key=key, Body=b"x", ContentType="a/b", Metadata={"a": "b"})[
        "ETag"
    ]

    either.copy_object(
        Bucket=BUCKET,
        Key=f"{key}.2",
        CopySource=source,
        CopySourceIfMatch=etag,
        MetadataDirective="REPLACE",
        ContentType="c/d",
        Metadata={"e": "f"},
    )
    either.copy_object(Bucket=BUCKET, Key=f"{key}.3", CopySource=source)

    second, third = (
        either.get_object(Bucket=BUCKET, Key=f"{key}.2"),
        either.get_object(Bucket=BUCKET, Key=f"{key}.3"),
    )
    assert [second["Body"].read(), second["ETag"], second["ContentType"], second["Metadata"]] == [
        b"x",
        etag,
        "c/d",
        {"e": "f"},
    ]
    assert [third["Body"].read(), third["ETag"], third["ContentType"], third["Metadata"]] == [
        b"x",
        etag,
        "a/b",
        {"a": "b"},
    ]
    assert rejected(lambda: either.copy_object(Bucket=BUCKET, Key=key, CopySource=source)) == (
        400,
        "InvalidRequest",
    )


def test_a_listing_has_pages(either: S3Client, key: str) -> None:
    folder = key.partition("/")[0]
    names = [f"{folder}/{name}" for name in ("a", "a b+c&<é>", "b/1", "b/2", "~")]
    for name in names:
        either.put_object(Bucket=BUCKET, Key=name, Body=b"12")

    pages = list(
        either.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=f"{folder}/", PaginationConfig={"PageSize": 2}
        )
    )

    assert [[entry.get("Key", "") for entry in page.get("Contents", [])] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    assert {
        (entry.get("Size"), entry.get("ETag")) for page in pages for entry in page.get("Contents", [])
    } == {(2, f'"{hashlib.md5(b"12").hexdigest()}"')}


def test_a_multipart_upload(either: S3Client, key: str) -> None:
    bodies = [b"a" * (5 * MIB), b"b" * (5 * MIB), b"end"]
    upload = either.create_multipart_upload(
        Bucket=BUCKET, Key=key, ContentType="video/mp4", Metadata={"a": "b"}
    )["UploadId"]

    etags = [
        either.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=n, Body=body)["ETag"]
        for n, body in enumerate(bodies, 1)
    ]
    parts = either.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)["Parts"]
    done = either.complete_multipart_upload(
        Bucket=BUCKET,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]},
    )

    md5 = hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()
    assert [(part.get("PartNumber"), part.get("Size"), part.get("ETag")) for part in parts] == [
        (n, len(bodies[n - 1]), etags[n - 1]) for n in (1, 2, 3)
    ]
    assert (done["ETag"], done["Key"], done["Bucket"]) == (f'"{md5}-3"', key, BUCKET)
    got = either.get_object(Bucket=BUCKET, Key=key)
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (
        b"".join(bodies),
        "video/mp4",
        {"a": "b"},
    )
    assert (
        either.get_object(Bucket=BUCKET, Key=key, Range=f"bytes={5 * MIB - 1}-{5 * MIB}")["Body"].read()
        == b"ab"
    )


def test_invalid_completions_are_rejected(either: S3Client, key: str) -> None:
    upload = either.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    one, two = (
        either.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=n, Body=b"small")["ETag"]
        for n in (1, 2)
    )

    def complete(*parts: tuple[int, str]) -> tuple[int, str]:
        listed: list[CompletedPartTypeDef] = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        return rejected(
            lambda: either.complete_multipart_upload(
                Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": listed}
            )
        )

    assert complete((1, one), (2, two)) == (400, "EntityTooSmall")
    assert complete((1, '"other"')) == (400, "InvalidPart")
    assert complete((3, one)) == (400, "InvalidPart")
    assert complete() == (400, "MalformedXML")


def test_an_aborted_upload_is_gone(either: S3Client, key: str) -> None:
    upload = either.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    either.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=b"x")

    open_before = [
        entry.get("UploadId", "")
        for entry in either.list_multipart_uploads(Bucket=BUCKET, Prefix=key)["Uploads"]
    ]
    either.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)

    assert open_before == [upload]
    assert "Uploads" not in either.list_multipart_uploads(Bucket=BUCKET, Prefix=key)
    assert rejected(lambda: either.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)) == (
        404,
        "NoSuchUpload",
    )
