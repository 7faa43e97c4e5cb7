"""Browser uploads: a form is accepted exactly when its policy permits all of it."""

import base64
import hashlib
import hmac
import http.client
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import pytest
from mypy_boto3_s3 import S3Client

from tests.store.servers import BUCKET, CREDENTIALS, MIB, REGION, Answer, Server, rejected, send

BOUNDARY = "----vitrine-form"


def form(fields: Mapping[str, str], file: bytes | None, *, after: Mapping[str, str] | None = None) -> bytes:
    def field(name: str, value: bytes, more: str = "") -> bytes:
        return (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
            + value
            + b"\r\n"
        )

    parts = [field(name, value.encode()) for name, value in fields.items()]
    if file is not None:
        parts.append(field("file", file, '; filename="a.jpg"\r\nContent-Type: image/png'))
    parts += [field(name, value.encode()) for name, value in (after or {}).items()]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def post(
    server: Server, fields: Mapping[str, str], file: bytes | None = b"hello", **more: Mapping[str, str]
) -> Answer:
    return send(
        "POST",
        f"{server.url}/{BUCKET}",
        form(fields, file, **more),
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )


def signed(
    conditions: list[object], fields: Mapping[str, str], expiration: str | None = None
) -> dict[str, str]:
    """A signed form whose policy has these conditions and those that every signature needs."""
    now = datetime.now(UTC)
    scope = f"{now:%Y%m%d}/{REGION}/s3/aws4_request"
    signature = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{CREDENTIALS.access_key}/{scope}",
        "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
    }
    policy = {
        "expiration": expiration or f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
        "conditions": [*conditions, *({k: v} for k, v in signature.items())],
    }
    return signed_text(base64.b64encode(json.dumps(policy).encode()).decode(), {**fields, **signature}, scope)


def signed_text(policy: str, fields: Mapping[str, str], scope: str) -> dict[str, str]:
    signing = f"AWS4{CREDENTIALS.secret_key}".encode()
    for word in scope.split("/"):
        signing = hmac.digest(signing, word.encode(), "sha256")
    return {
        **fields,
        "policy": policy,
        "x-amz-signature": hmac.new(signing, policy.encode(), hashlib.sha256).hexdigest(),
    }


def presigned_form(s3: S3Client, key: str, least: int = 1, most: int = 10) -> dict[str, str]:
    """The fields that botocore signs for a photo."""
    fields = {"Content-Type": "image/jpeg", "success_action_status": "201"}
    conditions: list[object] = [
        {"Content-Type": "image/jpeg"},
        {"success_action_status": "201"},
        ["content-length-range", least, most],
    ]
    return dict(
        s3.generate_presigned_post(BUCKET, key, Fields=dict(fields), Conditions=conditions, ExpiresIn=60)[
            "fields"
        ]
    )


def test_a_form_that_botocore_signed(server: Server, s3: S3Client, key: str) -> None:
    answer = post(server, presigned_form(s3, key))

    location, etag = f"{server.url}/{BUCKET}/{quote(key)}", f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (answer.status, answer.headers["etag"], answer.headers["location"]) == (201, etag, location)
    assert [answer.element(name) for name in ("Location", "Bucket", "Key", "ETag")] == [
        location,
        BUCKET,
        key,
        etag.replace('"', "&quot;"),
    ]
    got = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ContentType"], "ChecksumCRC64NVME" in got) == (
        b"hello",
        "image/jpeg",
        True,
    )


@pytest.mark.parametrize(
    ("requested", "status"), [("200", 200), ("201", 201), ("204", 204), ("302", 204), (None, 204)]
)
def test_the_status_that_a_form_requests(
    server: Server, key: str, requested: str | None, status: int
) -> None:
    fields = {"key": key} | ({"success_action_status": requested} if requested else {})
    conditions: list[object] = [{name: value} for name, value in fields.items()]

    assert post(server, signed(conditions, fields)).status == status


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"key": "another"}, "AccessDenied", 'Policy Condition failed: ["eq", "$key",'),
        (
            {"Content-Type": "text/html"},
            "AccessDenied",
            'Policy Condition failed: ["eq", "$content-type", "image/jpeg"]',
        ),
        ({"success_action_status": "200"}, "AccessDenied", "Policy Condition failed"),
        ({"x-amz-meta-more": "1"}, "AccessDenied", "Extra input fields: x-amz-meta-more"),
        ({"acl": "public-read"}, "AccessDenied", "Extra input fields: acl"),
        ({"bucket": "another"}, "", ""),  # the bucket that counts is the URL's
        ({"x-ignore-this": "1"}, "", ""),
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch", ""),
        ({"policy": "e30="}, "SignatureDoesNotMatch", ""),
        ({"x-amz-algorithm": "none"}, "InvalidArgument", ""),
        ({"x-amz-date": "20200101T000000Z"}, "AccessDenied", "x-amz-date"),
        ({"x-amz-credential": "AKIDOTHER/20200101/eu-central-1/s3/aws4_request"}, "InvalidAccessKeyId", ""),
        ({"x-amz-security-token": "made up"}, "InvalidToken", ""),
        ({"key": ""}, "InvalidArgument", "must contain a field named 'key'"),
        ({"policy": "", "x-amz-signature": ""}, "InvalidArgument", "must contain a field named 'policy'"),
    ],
)
def test_a_changed_form_is_rejected(
    server: Server, s3: S3Client, key: str, change: dict[str, str], code: str, message: str
) -> None:
    answer = post(server, presigned_form(s3, key) | change)

    assert answer.code == code
    assert message in answer.element("Message").replace("&quot;", '"')
    assert ("Key" in str(s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"))) == (code == "")


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (0, "EntityTooSmall"),
        (2, "EntityTooSmall"),
        (3, ""),
        (6, ""),
        (7, "EntityTooLarge"),
        (3 << 20, "EntityTooLarge"),
    ],
)
def test_the_sizes_that_a_policy_permits(fresh_server: Server, size: int, code: str) -> None:
    s3 = fresh_server.client()

    answer = post(fresh_server, presigned_form(s3, "a", 3, 6), b"x" * size)

    assert answer.code == code
    assert len(fresh_server.names()) == (code == "")
    assert len(fresh_server.events()) == (code == "")


def test_a_file_that_grows_too_large_is_rejected_before_its_end(fresh_server: Server) -> None:
    body = form(presigned_form(fresh_server.client(), "a", 1, MIB), b"x" * (3 * MIB))
    connection = http.client.HTTPConnection(urlsplit(fresh_server.url).netloc, timeout=10)
    try:
        connection.putrequest("POST", f"/{BUCKET}")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[: 2 * MIB])

        answer = connection.getresponse().read()
    finally:
        connection.close()

    assert b"<Code>EntityTooLarge</Code>" in answer
    assert fresh_server.names() == []


@pytest.mark.parametrize(
    ("conditions", "fields", "code"),
    [
        ([["starts-with", "$key", "incoming/"]], {"key": "incoming/a"}, ""),
        ([["starts-with", "$key", "incoming/"]], {"key": "originals/a"}, "AccessDenied"),
        ([["starts-with", "$key", ""]], {"key": "incoming/b"}, ""),
        ([["eq", "$key", "incoming/c"]], {"key": "incoming/c"}, ""),
        ([{"key": "incoming/d"}, {"bucket": "another"}], {"key": "incoming/d"}, "AccessDenied"),
        ([{"key": "incoming/e"}, {"x-amz-meta-a": "b"}], {"key": "incoming/e"}, "AccessDenied"),
        (
            [{"key": "incoming/f"}, {"acl": "private"}],
            {"key": "incoming/f", "acl": "private"},
            "NotImplemented",
        ),
        ([["starts-with", "$key", ""]], {"key": "a/${filename}"}, "NotImplemented"),
        ([["like", "$key", "%"]], {"key": "incoming/g"}, "InvalidPolicyDocument"),
        ([["content-length-range", 1]], {"key": "incoming/h"}, "InvalidPolicyDocument"),
        (["key"], {"key": "incoming/i"}, "InvalidPolicyDocument"),
        ([], {"key": "incoming/j"}, "AccessDenied"),
    ],
)
def test_conditions(server: Server, conditions: list[object], fields: dict[str, str], code: str) -> None:
    assert post(server, signed(conditions, fields)).code == code


def test_an_expired_policy(server: Server, key: str) -> None:
    answer = post(server, signed([{"key": key}], {"key": key}, "2020-01-01T00:00:00Z"))

    assert (answer.status, answer.code, answer.element("Message")) == (
        403,
        "AccessDenied",
        "Invalid according to Policy: Policy expired.",
    )


@pytest.mark.parametrize(
    "policy", ["%%%", base64.b64encode(b"no json").decode(), base64.b64encode(b'{"conditions": []}').decode()]
)
def test_malformed_policies(server: Server, key: str, policy: str) -> None:
    fields = signed([{"key": key}], {"key": key})

    answer = post(server, signed_text(policy, fields, fields["x-amz-credential"].partition("/")[2]))

    assert answer.code == "InvalidPolicyDocument"


def test_a_form_without_a_file(server: Server, s3: S3Client, key: str) -> None:
    assert post(server, presigned_form(s3, key), None).code == "InvalidArgument"


def test_fields_after_the_file_are_ignored(server: Server, s3: S3Client, key: str) -> None:
    answer = post(server, presigned_form(s3, key), after={"x-amz-meta-more": "1"})

    assert answer.status == 201
    assert s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {}


def test_a_form_with_too_many_bytes_before_the_file(server: Server, s3: S3Client, key: str) -> None:
    assert (
        post(server, presigned_form(s3, key) | {"x-ignore-this": "x" * 20_000}).code
        == "MaxPostPreDataLengthExceeded"
    )


def test_a_field_sent_two_times(server: Server, s3: S3Client, key: str) -> None:
    fields = presigned_form(s3, key)

    answer = post(server, {"KEY": "another"} | fields)

    assert answer.code == "InvalidArgument"


@pytest.mark.parametrize("cut", [20, 3000])
def test_an_incomplete_form(fresh_server: Server, cut: int) -> None:
    body = form(presigned_form(fresh_server.client(), "a", 1, 5000), b"x" * 5000)[:-cut]

    answer = send(
        "POST",
        f"{fresh_server.url}/{BUCKET}",
        body,
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )

    assert answer.code == "MalformedPOSTRequest"
    assert fresh_server.names() == []


def test_bodies_that_are_not_forms(server: Server) -> None:
    assert (
        send("POST", f"{server.url}/{BUCKET}", b"x", {"Content-Type": "text/plain"}).code == "InvalidArgument"
    )
    assert (
        send(
            "POST",
            f"{server.url}/{BUCKET}",
            b"x",
            {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        ).code
        == "MalformedPOSTRequest"
    )


def test_a_policy_can_be_used_again(server: Server, s3: S3Client, key: str) -> None:
    fields = presigned_form(s3, key)

    first, second = post(server, fields, b"first"), post(server, fields, b"second")

    assert (first.status, second.status) == (201, 201)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"second"


def test_a_checksum_in_a_form(server: Server, s3: S3Client, key: str) -> None:
    crc = s3.put_object(Bucket=BUCKET, Key=f"{key}.2", Body=b"hello", ChecksumAlgorithm="CRC32C")[
        "ChecksumCRC32C"
    ]
    good, wrong = ({"key": key, "x-amz-checksum-crc32c": value} for value in (crc, "AAAAAA=="))

    assert post(server, signed([{name: value} for name, value in wrong.items()], wrong)).code == "BadDigest"
    assert rejected(lambda: s3.head_object(Bucket=BUCKET, Key=key))[0] == 404
    assert (
        post(server, signed([{name: value} for name, value in good.items()], good)).headers[
            "x-amz-checksum-crc32c"
        ]
        == crc
    )
