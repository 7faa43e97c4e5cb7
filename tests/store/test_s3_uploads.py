"""Multipart uploads: the rules, the checksum of the whole object, and repeated requests."""

import base64
import zlib

import pytest
from mypy_boto3_s3 import S3Client

from local.s3.checksums import Digests
from tests.store.servers import BUCKET, MIB, Server, rejected, send

ONE, TWO = b"a" * (5 * MIB), b"tail"


class Upload:
    """An upload whose two parts are uploaded."""

    def __init__(self, s3: S3Client, key: str, algorithm: str = "CRC64NVME") -> None:
        self.s3, self.key = s3, key
        created = s3.create_multipart_upload(
            Bucket=BUCKET,
            Key=key,
            ChecksumAlgorithm=algorithm,  # type: ignore[arg-type]
            ChecksumType="FULL_OBJECT",
        )
        self.id = created["UploadId"]
        self.etags = [
            s3.upload_part(Bucket=BUCKET, Key=key, UploadId=self.id, PartNumber=number, Body=body)["ETag"]
            for number, body in ((1, ONE), (2, TWO))
        ]

    def complete(self, *numbers: int, **more: object) -> dict[str, object]:
        parts = [{"PartNumber": number, "ETag": self.etags[number - 1]} for number in numbers or (1, 2)]
        return dict(
            self.s3.complete_multipart_upload(
                Bucket=BUCKET,
                Key=self.key,
                UploadId=self.id,
                MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
                **more,  # type: ignore[arg-type]
            )
        )


def whole(algorithm: str) -> str:
    digests = Digests([algorithm])
    digests.update(ONE + TWO)
    return digests.checksum(algorithm).value


@pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32C", "CRC32"])
def test_the_whole_objects_checksum_is_computed_from_the_parts(
    s3: S3Client, key: str, algorithm: str
) -> None:
    upload = Upload(s3, key, algorithm)

    done = upload.complete(
        **{
            f"Checksum{algorithm}": whole(algorithm),
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": len(ONE + TWO),
        }
    )

    assert (done[f"Checksum{algorithm}"], done["ChecksumType"]) == (whole(algorithm), "FULL_OBJECT")
    head = dict(s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED"))
    assert (head[f"Checksum{algorithm}"], head["ChecksumType"], head["ContentLength"]) == (
        whole(algorithm),
        "FULL_OBJECT",
        len(ONE + TWO),
    )


def test_crc32_equals_zlibs(s3: S3Client, key: str) -> None:
    assert (
        Upload(s3, key, "CRC32").complete()["ChecksumCRC32"]
        == base64.b64encode(zlib.crc32(ONE + TWO).to_bytes(4, "big")).decode()
    )


def test_the_declared_checksum_and_size_are_checked(s3: S3Client, key: str) -> None:
    upload = Upload(s3, key)

    assert rejected(
        lambda: upload.complete(ChecksumCRC64NVME="AAAAAAAAAAA=", ChecksumType="FULL_OBJECT")
    ) == (
        400,
        "BadDigest",
    )
    assert rejected(lambda: upload.complete(ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")) == (
        400,
        "InvalidRequest",
    )
    assert rejected(lambda: upload.complete(ChecksumType="COMPOSITE")) == (400, "InvalidRequest")
    assert rejected(lambda: upload.complete(MpuObjectSize=len(ONE))) == (400, "InvalidRequest")
    assert rejected(lambda: s3.head_object(Bucket=BUCKET, Key=key))[0] == 404
    assert upload.complete(ChecksumCRC64NVME=whole("CRC64NVME"))["ChecksumCRC64NVME"] == whole("CRC64NVME")


def test_a_repeated_completion_is_idempotent(s3: S3Client, key: str) -> None:
    upload = Upload(s3, key)
    first = upload.complete(IfNoneMatch="*")

    again = upload.complete(IfNoneMatch="*")

    assert {name: again[name] for name in ("ETag", "Key", "ChecksumCRC64NVME")} == {
        name: first[name] for name in ("ETag", "Key", "ChecksumCRC64NVME")
    }
    assert rejected(lambda: upload.complete(1)) == (404, "NoSuchUpload")
    assert rejected(lambda: s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload.id)) == (
        404,
        "NoSuchUpload",
    )
    assert rejected(lambda: s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload.id)) == (
        404,
        "NoSuchUpload",
    )
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET, Prefix=key)


def test_a_conditional_completion(s3: S3Client, key: str) -> None:
    upload = Upload(s3, key)
    etag = s3.put_object(Bucket=BUCKET, Key=key, Body=b"first")["ETag"]

    assert rejected(lambda: upload.complete(IfNoneMatch="*")) == (412, "PreconditionFailed")
    assert rejected(lambda: upload.complete(IfMatch='"other"')) == (412, "PreconditionFailed")
    upload.complete(IfMatch=etag)
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(ONE + TWO)


def test_parts_out_of_order(s3: S3Client, key: str) -> None:
    upload = Upload(s3, key)

    assert rejected(lambda: upload.complete(2, 1)) == (400, "InvalidPartOrder")
    assert rejected(lambda: upload.complete(1, 1)) == (400, "InvalidPartOrder")


def test_unlisted_and_replaced_parts_leave_no_bytes(fresh_server: Server) -> None:
    s3 = fresh_server.client()
    upload = Upload(s3, "a")
    upload.etags[0] = s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload.id, PartNumber=1, Body=b"again")[
        "ETag"
    ]
    assert len(fresh_server.names()) == 2

    upload.complete(1)

    assert len(fresh_server.names()) == 1
    assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"again"


def test_an_aborted_upload_accepts_no_part(fresh_server: Server) -> None:
    s3 = fresh_server.client()
    upload = Upload(s3, "a")

    s3.abort_multipart_upload(Bucket=BUCKET, Key="a", UploadId=upload.id)

    assert rejected(
        lambda: s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload.id, PartNumber=1, Body=b"x")
    ) == (404, "NoSuchUpload")
    assert rejected(upload.complete) == (404, "NoSuchUpload")
    assert fresh_server.names() == []


@pytest.mark.parametrize("number", [0, 10_001, -1])
def test_invalid_part_numbers(s3: S3Client, key: str, number: int) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]

    assert rejected(
        lambda: s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=b"")
    ) == (400, "InvalidArgument")


def test_an_upload_is_identified_by_id_and_key(s3: S3Client, key: str) -> None:
    upload = Upload(s3, key)

    assert rejected(
        lambda: s3.upload_part(Bucket=BUCKET, Key=f"{key}.2", UploadId=upload.id, PartNumber=1, Body=b"")
    ) == (404, "NoSuchUpload")
    assert rejected(lambda: s3.list_parts(Bucket=BUCKET, Key=f"{key}.2", UploadId=upload.id)) == (
        404,
        "NoSuchUpload",
    )
    assert rejected(lambda: s3.abort_multipart_upload(Bucket=BUCKET, Key=f"{key}.2", UploadId=upload.id)) == (
        404,
        "NoSuchUpload",
    )


def test_a_part_with_another_checksum_algorithm_than_the_upload(s3: S3Client, key: str) -> None:
    upload = Upload(s3, key)

    def part(**more: str) -> tuple[int, str]:
        return rejected(
            lambda: s3.upload_part(
                Bucket=BUCKET,
                Key=key,
                UploadId=upload.id,
                PartNumber=3,
                Body=b"x",
                **more,  # type: ignore[arg-type]
            )
        )

    assert part(ChecksumCRC32="AAAAAA==") == (400, "InvalidRequest")
    assert part(ChecksumCRC64NVME="AAAAAAAAAAA=") == (400, "BadDigest")
    assert part(ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==") == (400, "BadDigest")
    assert [
        entry.get("PartNumber")
        for entry in s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload.id)["Parts"]
    ] == [1, 2]


def test_checksums_an_upload_cannot_have(s3: S3Client, key: str) -> None:
    assert rejected(
        lambda: s3.create_multipart_upload(
            Bucket=BUCKET, Key=key, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT"
        )
    ) == (
        400,
        "InvalidRequest",
    )
    assert rejected(
        lambda: s3.create_multipart_upload(Bucket=BUCKET, Key=key, ChecksumAlgorithm="CRC32")
    ) == (
        501,
        "NotImplemented",
    )


def test_listings_of_parts_and_uploads_have_pages(s3: S3Client, key: str) -> None:
    uploads = [
        s3.create_multipart_upload(Bucket=BUCKET, Key=name)["UploadId"] for name in (key, key, f"{key}.2")
    ]
    for number in (1, 2, 7, 10_000):
        s3.upload_part(Bucket=BUCKET, Key=key, UploadId=uploads[0], PartNumber=number, Body=b"x")

    parts = s3.get_paginator("list_parts").paginate(
        Bucket=BUCKET, Key=key, UploadId=uploads[0], PaginationConfig={"PageSize": 3}
    )
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=BUCKET, Prefix=key, PaginationConfig={"PageSize": 1}
    )

    assert [[part.get("PartNumber") for part in page["Parts"]] for page in parts] == [[1, 2, 7], [10_000]]
    assert [[(entry.get("Key"), entry.get("UploadId")) for entry in page["Uploads"]] for page in pages] == [
        [(key, uploads[0])],
        [(key, uploads[1])],
        [(f"{key}.2", uploads[2])],
    ]
    after_key = s3.list_multipart_uploads(Bucket=BUCKET, Prefix=key, KeyMarker=key)["Uploads"]
    assert [entry.get("UploadId") for entry in after_key] == uploads[2:]


def test_a_copy_of_a_multipart_object_is_a_plain_object(s3: S3Client, key: str) -> None:
    Upload(s3, key).complete()

    s3.copy_object(Bucket=BUCKET, Key=f"{key}.2", CopySource={"Bucket": BUCKET, "Key": key})

    digests = Digests(["MD5"])
    digests.update(ONE + TWO)
    head = s3.head_object(Bucket=BUCKET, Key=f"{key}.2", ChecksumMode="ENABLED")
    assert (head["ETag"], head["ChecksumCRC64NVME"]) == (f'"{digests["MD5"].hex()}"', whole("CRC64NVME"))
    assert s3.get_object(Bucket=BUCKET, Key=f"{key}.2", Range="bytes=-6")["Body"].read() == b"aatail"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"nonsense",
        b"<CompleteMultipartUpload/>",
        b"<Other><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></Other>",
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
        b"<CompleteMultipartUpload><Part><PartNumber>one</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]><CompleteMultipartUpload>'
            b"<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
        ),
    ],
)
def test_documents_without_parts_are_malformed(s3: S3Client, key: str, document: bytes) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    url = s3.generate_presigned_url(
        "complete_multipart_upload",
        Params={"Bucket": BUCKET, "Key": key, "UploadId": upload},
        HttpMethod="POST",
    )

    assert send("POST", url, document).code == "MalformedXML"
