"""Objects: errors, headers, and the files on disk."""

import base64
import hashlib
import http.client
import resource
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef

from tests.store.servers import BUCKET, CREDENTIALS, MIB, Server, rejected, running, send


def put_url(s3: S3Client, key: str, **params: object) -> str:
    return s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key, **params})


def test_a_delete_without_if_match_is_denied_by_policy(s3: S3Client, key: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    assert rejected(lambda: s3.delete_object(Bucket=BUCKET, Key=key)) == (403, "AccessDenied")
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x"
    with running(tmp_path, require_if_match_on_delete=False) as other:
        assert (
            other.client().delete_object(Bucket=BUCKET, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
        )


def test_replaced_and_deleted_objects_leave_no_bytes(fresh_server: Server) -> None:
    s3 = fresh_server.client()
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    etag = s3.put_object(Bucket=BUCKET, Key="a", Body=b"2")["ETag"]
    assert len(fresh_server.names()) == 1

    s3.delete_object(Bucket=BUCKET, Key="a", IfMatch=etag)

    assert fresh_server.names() == []


def test_a_copy_shares_the_bytes_of_its_source_and_survives_it(fresh_server: Server) -> None:
    s3 = fresh_server.client()
    etag = s3.put_object(Bucket=BUCKET, Key="incoming/a", Body=b"1")["ETag"]
    s3.copy_object(Bucket=BUCKET, Key="originals/a", CopySource={"Bucket": BUCKET, "Key": "incoming/a"})
    assert len(fresh_server.names()) == 1

    s3.delete_object(Bucket=BUCKET, Key="incoming/a", IfMatch=etag)

    assert s3.get_object(Bucket=BUCKET, Key="originals/a")["Body"].read() == b"1"


def test_a_copy_whose_source_condition_fails(s3: S3Client, key: str) -> None:
    source: CopySourceTypeDef = {"Bucket": BUCKET, "Key": key}
    etag = s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")["ETag"]

    assert rejected(
        lambda: s3.copy_object(Bucket=BUCKET, Key=f"{key}.2", CopySource=source, CopySourceIfMatch='"other"')
    ) == (
        412,
        "PreconditionFailed",
    )
    assert rejected(
        lambda: s3.copy_object(Bucket=BUCKET, Key=f"{key}.2", CopySource=source, CopySourceIfNoneMatch=etag)
    ) == (
        412,
        "PreconditionFailed",
    )
    assert rejected(
        lambda: s3.copy_object(
            Bucket=BUCKET, Key=key, CopySource=source, MetadataDirective="REPLACE", IfNoneMatch="*"
        )
    ) == (
        412,
        "PreconditionFailed",
    )
    assert rejected(
        lambda: s3.copy_object(
            Bucket=BUCKET, Key=f"{key}.2", CopySource={"Bucket": BUCKET, "Key": f"{key}.none"}
        )
    ) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    "sent", ["bytes=5-2", "bytes=0-1,3-4", "bytes=", "bytes=-", "items=0-1", "bytes=a-b"]
)
def test_all_but_a_single_range_is_ignored(s3: S3Client, key: str, sent: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")

    got = s3.get_object(Bucket=BUCKET, Key=key, Range=sent)

    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (200, b"0123456789")


def test_a_range_of_an_empty_object(s3: S3Client, key: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"")

    assert rejected(lambda: s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=0-")) == (416, "InvalidRange")
    assert rejected(lambda: s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=-0")) == (416, "InvalidRange")
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b""


@pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32C", "CRC32", "SHA256", "SHA1"])
def test_checksums_of_a_put(s3: S3Client, key: str, algorithm: str) -> None:
    body = b"some bytes"
    put = s3.put_object(Bucket=BUCKET, Key=key, Body=body, ChecksumAlgorithm=algorithm)  # type: ignore[arg-type]
    value = put[f"Checksum{algorithm}"]  # type: ignore[literal-required]

    head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")

    assert (head[f"Checksum{algorithm}"], head["ChecksumType"]) == (value, "FULL_OBJECT")  # type: ignore[literal-required]
    assert "ChecksumType" not in s3.head_object(Bucket=BUCKET, Key=key)
    wrong = {f"Checksum{algorithm}": value}
    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"others", **wrong)) == (
        400,
        "BadDigest",
    )
    malformed = {f"Checksum{algorithm}": "AAAA"}
    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=body, **malformed)) == (  # type: ignore[arg-type]
        400,
        "InvalidRequest",
    )
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def test_known_checksums(s3: S3Client, key: str) -> None:
    """The check values of the CRC catalogue, computed over "123456789"."""
    known = {"CRC64NVME": "ae8b14860a799888", "CRC32C": "e3069283", "CRC32": "cbf43926"}

    answers = {
        name: s3.put_object(Bucket=BUCKET, Key=key, Body=b"123456789", ChecksumAlgorithm=name)  # type: ignore[arg-type]
        for name in known
    }

    assert {name: base64.b64decode(put[f"Checksum{name}"]).hex() for name, put in answers.items()} == known  # type: ignore[literal-required]


def test_an_object_has_a_crc64nvme_by_default(s3: S3Client, key: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"123456789")

    assert (
        base64.b64decode(
            s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")["ChecksumCRC64NVME"]
        ).hex()
        == "ae8b14860a799888"
    )


def test_a_content_md5_is_checked(s3: S3Client, key: str) -> None:
    wrong = base64.b64encode(hashlib.md5(b"y").digest()).decode()

    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", ContentMD5="AAAA")) == (
        400,
        "InvalidDigest",
    )
    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", ContentMD5=wrong)) == (
        400,
        "BadDigest",
    )


def test_an_incomplete_body_leaves_nothing(fresh_server: Server) -> None:
    s3 = fresh_server.client()

    send("PUT", put_url(s3, "a"), b"x" * 100, length=1000)

    assert rejected(lambda: s3.head_object(Bucket=BUCKET, Key="a"))[0] == 404
    assert fresh_server.names() == []


def test_a_body_without_a_length(s3: S3Client, key: str) -> None:
    url = urlsplit(put_url(s3, key))
    connection = http.client.HTTPConnection(url.netloc, timeout=10)
    try:
        connection.request(
            "PUT",
            f"{url.path}?{url.query}",
            iter([b"abc"]),
            {"Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )
        assert connection.getresponse().status == 411
    finally:
        connection.close()


def test_a_body_over_five_gibibytes_is_rejected_before_it_is_sent(s3: S3Client, key: str) -> None:
    url = urlsplit(put_url(s3, key))
    connection = http.client.HTTPConnection(url.netloc, timeout=10)
    try:
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        connection.putheader("Content-Length", str((5 << 30) + 1))
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, b"EntityTooLarge" in answer.read(), answer.getheader("connection")) == (
            400,
            True,
            "close",
        )
    finally:
        connection.close()


def test_keys_that_s3_rejects(server: Server, s3: S3Client) -> None:
    assert s3.put_object(Bucket=BUCKET, Key="é" * 512, Body=b"x")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key="é" * 512 + "x", Body=b"x")) == (
        400,
        "KeyTooLongError",
    )
    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key="a\0b", Body=b"x")) == (400, "InvalidURI")


@pytest.mark.parametrize(
    "more",
    [
        {"ACL": "public-read"},
        {"ServerSideEncryption": "aws:kms"},
        {"StorageClass": "GLACIER"},
        {"Tagging": "a=b"},
        {"WebsiteRedirectLocation": "/x"},
        {"ExpectedBucketOwner": "1"},
    ],
)
def test_headers_that_are_not_implemented_are_never_ignored(
    s3: S3Client, key: str, more: dict[str, str]
) -> None:
    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", **more)) == (  # type: ignore[arg-type]
        501,
        "NotImplemented",
    )


def test_operations_that_are_not_implemented(server: Server, s3: S3Client, key: str) -> None:
    assert rejected(s3.list_buckets) == (501, "NotImplemented")
    assert rejected(lambda: s3.list_objects_v2(Bucket=BUCKET, Delimiter="/")) == (501, "NotImplemented")
    assert rejected(lambda: s3.get_object_tagging(Bucket=BUCKET, Key=key)) == (501, "NotImplemented")
    assert rejected(lambda: s3.get_object(Bucket=BUCKET, Key=key, VersionId="1")) == (501, "NotImplemented")
    assert rejected(lambda: s3.delete_bucket(Bucket=BUCKET)) == (405, "MethodNotAllowed")
    assert rejected(lambda: s3.list_objects(Bucket=BUCKET)) == (405, "MethodNotAllowed")
    assert s3.head_bucket(Bucket=BUCKET)["BucketRegion"] == "eu-central-1"
    assert rejected(lambda: s3.head_bucket(Bucket="vitrine-none"))[0] == 404


def test_metadata_over_two_kilobytes(s3: S3Client, key: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"", Metadata={"a": "x" * 2047})

    assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"", Metadata={"a": "x" * 2048})) == (
        400,
        "MetadataTooLarge",
    )


def test_two_concurrent_first_puts_of_one_key(server: Server, s3: S3Client, key: str) -> None:
    """The slow put begins while the key is free, and finds the other's object at its end.

    That is a conflict, not a failed precondition.
    """
    url = urlsplit(put_url(s3, key, IfNoneMatch="*"))
    slow = http.client.HTTPConnection(url.netloc, timeout=10)
    try:
        slow.putrequest("PUT", f"{url.path}?{url.query}")
        slow.putheader("Content-Length", "10")
        slow.putheader("If-None-Match", "*")
        slow.putheader("Expect", "100-continue")
        slow.endheaders()
        assert slow.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # the condition has been checked
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"quick", IfNoneMatch="*")
        slow.send(b"0123456789")
        answer = slow.getresponse()
        body = answer.read()
    finally:
        slow.close()

    assert (answer.status, b"<Code>ConditionalRequestConflict</Code>" in body) == (409, True)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"quick"


def test_an_object_deleted_while_it_is_read_is_read_completely(fresh_server: Server) -> None:
    """The object has two blobs; the second is opened after the first has been sent."""
    s3 = fresh_server.client()
    body = bytes(range(256)) * (16 * MIB // 256) + b"end"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
    parts: list[CompletedPartTypeDef] = [
        {
            "PartNumber": n,
            "ETag": s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload, PartNumber=n, Body=piece)["ETag"],
        }
        for n, piece in ((1, body[:-3]), (2, b"end"))
    ]
    etag = s3.complete_multipart_upload(
        Bucket=BUCKET, Key="a", UploadId=upload, MultipartUpload={"Parts": parts}
    )["ETag"]

    reader = s3.get_object(Bucket=BUCKET, Key="a")["Body"]
    first = reader.read(1000)
    s3.delete_object(Bucket=BUCKET, Key="a", IfMatch=etag)

    assert hashlib.sha256(first + reader.read()).digest() == hashlib.sha256(body).digest()
    for _ in range(100):
        if not fresh_server.names():
            break
        threading.Event().wait(0.02)
    assert fresh_server.names() == []


def test_a_second_server_on_the_same_folder_is_rejected(fresh_server: Server) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "local.s3", "--root", str(fresh_server.root), "--bucket", BUCKET],
        env={"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert "does another server use this folder?" in run.stderr


def test_a_full_disk_is_an_internal_error_and_leaves_nothing(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes writes fail like a full disk, also for root."""
    with subprocess.Popen(
        [sys.executable, "-m", "local.s3", "--root", str(tmp_path), "--bucket", BUCKET],
        env={"S3_ACCESS_KEY_ID": CREDENTIALS.access_key, "S3_SECRET_ACCESS_KEY": CREDENTIALS.secret_key},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, 2 * MIB)),
    ) as process:
        try:
            assert process.stdout is not None
            server = Server(process.stdout.readline().split()[-1], root=tmp_path)
            s3 = server.client()
            s3.put_object(Bucket=BUCKET, Key="small", Body=b"x")

            assert rejected(lambda: s3.put_object(Bucket=BUCKET, Key="large", Body=b"x" * (3 * MIB))) == (
                500,
                "InternalError",
            )

            assert [
                entry.get("Key", "") for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
            ] == ["small"]
            assert len(server.names()) == 1
            assert len(server.events()) == 1
        finally:
            process.terminate()
            process.communicate(timeout=20)


def test_urls_of_keys_cannot_leave_the_folder(fresh_server: Server) -> None:
    s3 = fresh_server.client()
    for name in ("../../../escaped", "/etc/passwd", "..", "a/../../b"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"x")

    assert sorted(file.name for file in fresh_server.root.iterdir()) == sorted([".events", BUCKET])
    assert not (fresh_server.root.parent / "escaped").exists()
    assert send("GET", f"{fresh_server.url}/{BUCKET}/{quote('../catalogue.sqlite')}").code == "AccessDenied"
    assert send("GET", f"{fresh_server.url}/../etc/passwd").code == "NoSuchBucket"
