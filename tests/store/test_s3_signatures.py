"""Signatures: botocore signs, this server verifies, and every change after signing is rejected."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Key
from mypy_boto3_s3 import S3Client

from local.s3 import Credentials
from tests.store.servers import BUCKET, CREDENTIALS, REGION, Answer, Server, rejected, running, send


@pytest.fixture
def get_url(s3: S3Client, key: str) -> str:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    return s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=60)


@pytest.fixture
def put_url(s3: S3Client, key: str) -> str:
    return s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=60)


def changed(url: str, change: Mapping[str, str | None]) -> str:
    """The URL with parameters replaced, or removed where None. Others, also the signature, are unchanged."""
    parts = urlsplit(url)
    query = {
        name: value for name, value in {**dict(parse_qsl(parts.query)), **change}.items() if value is not None
    }
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def signed(
    server: Server, method: str, key: str, body: bytes = b"", *, at: float | None = None, **headers: str
) -> dict[str, str]:
    """The headers of a request signed by botocore, at the given moment if any."""
    request = AWSRequest(method, f"{server.url}/{BUCKET}/{quote(key)}", headers, body)
    signer: Any = S3SigV4Auth(Key(CREDENTIALS.access_key, CREDENTIALS.secret_key), "s3", REGION)
    if at is None:
        signer.add_auth(request)
    else:
        moment = datetime.fromtimestamp(at, UTC)
        request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        request.context["payload_signing_enabled"] = True
        signer._modify_request_before_signing(request)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        signer._inject_signature_to_request(request, signer.signature(text, request))
    return {name: str(value) for name, value in request.headers.items()}


def presigned(server: Server, key: str, *, at: float, lifetime: int) -> str:
    """A GET URL as botocore signs it at that moment."""
    request = AWSRequest("GET", f"{server.url}/{BUCKET}/{quote(key)}")
    signer: Any = S3SigV4QueryAuth(
        Key(CREDENTIALS.access_key, CREDENTIALS.secret_key), "s3", REGION, expires=lifetime
    )
    request.context["timestamp"] = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)
    signer._inject_signature_to_request(
        request, signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    )
    return str(request.url)


def test_unchanged_presigned_urls(s3: S3Client, key: str, put_url: str) -> None:
    put = send("PUT", put_url, b"hello", {"Content-Type": "text/plain"})
    got = send("GET", s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}))

    assert (put.status, put.headers["etag"]) == (200, f'"{hashlib.md5(b"hello").hexdigest()}"')
    assert (got.status, got.body, got.headers["content-type"]) == (200, b"hello", "text/plain")


@pytest.mark.parametrize(
    "name",
    ["plain", "a b+c", "é/ü", "a//b", "../up", "./here", "%2F", "a=b&c?d", "~!*'()", "x" * 500, "/slash"],
)
def test_keys_that_are_hard_to_sign(s3: S3Client, key: str, name: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"{key}{name}", Body=name.encode())

    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": f"{key}{name}"})

    assert (
        send("GET", url).body
        == s3.get_object(Bucket=BUCKET, Key=f"{key}{name}")["Body"].read()
        == name.encode()
    )


def scope(access_key: str = CREDENTIALS.access_key, region: str = REGION, service: str = "s3") -> str:
    return f"{access_key}/20200101/{region}/{service}/aws4_request"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"X-Amz-Signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-Signature": ""}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-Expires": "61"}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-Expires": "604801"}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Expires": "-1"}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Expires": "soon"}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Date": "20200101T000000Z"}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Algorithm": "AWS4-HMAC-SHA1"}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-SignedHeaders": "host;range"}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-SignedHeaders": "range"}, 403, "AccessDenied"),
        ({"X-Amz-Credential": scope(access_key="AKIDOTHER")}, 403, "InvalidAccessKeyId"),
        ({"X-Amz-Credential": scope(region="us-east-1")}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Credential": scope(service="sqs")}, 400, "AuthorizationQueryParametersError"),
        # the scope has another day than the date
        ({"X-Amz-Credential": scope()}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Credential": "nonsense"}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Security-Token": "made up"}, 400, "InvalidToken"),
        ({"response-content-type": "text/html"}, 403, "SignatureDoesNotMatch"),
        ({"anything": ""}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-Signature": None}, 400, "AuthorizationQueryParametersError"),
        ({"X-Amz-Expires": None}, 400, "AuthorizationQueryParametersError"),
    ],
)
def test_a_changed_presigned_url_is_rejected(
    get_url: str, change: dict[str, str | None], status: int, code: str
) -> None:
    answer = send("GET", changed(get_url, change))

    assert (answer.status, answer.code) == (status, code)


def test_a_presigned_url_for_another_method_or_key(get_url: str, key: str) -> None:
    assert send("PUT", get_url, b"x").code == "SignatureDoesNotMatch"
    assert send("DELETE", get_url, headers={"If-Match": "*"}).code == "SignatureDoesNotMatch"
    assert send("GET", get_url.replace("picture", "painting")).code == "SignatureDoesNotMatch"
    assert send("GET", get_url.partition("?")[0]).code == "AccessDenied"
    assert send("GET", get_url).status == 200


def test_a_url_signed_with_another_secret(server: Server, key: str) -> None:
    forger = server.client(Credentials(CREDENTIALS.access_key, "guessed"))

    answer = send("GET", forger.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}))

    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert rejected(lambda: forger.list_objects_v2(Bucket=BUCKET)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("offset", "lifetime", "code"),
    [
        (-10, 60, ""),
        (-60, 30, "AccessDenied"),
        (800, 60, ""),
        (1000, 60, "AccessDenied"),
        (-604_000, 604_800, ""),
        (-604_900, 604_800, "AccessDenied"),
    ],
)
def test_the_time_window_of_a_presigned_url(
    server: Server, get_url: str, key: str, offset: int, lifetime: int, code: str
) -> None:
    answer = send("GET", presigned(server, key, at=time.time() + offset, lifetime=lifetime))

    assert answer.code == code
    assert ("Request has expired" in answer.element("Message")) == (code != "" and offset < 0)


@pytest.mark.parametrize(
    "header", ["x-amz-acl", "x-amz-meta-a", "x-amz-checksum-crc32", "x-amz-copy-source", "x-amz-tagging"]
)
def test_an_unsigned_amz_header_is_rejected(put_url: str, header: str) -> None:
    answer = send("PUT", put_url, b"x", {header: "anything"})

    assert (answer.status, answer.code, answer.element("HeadersNotSigned")) == (403, "AccessDenied", header)


def test_the_signed_headers_of_a_part_url_must_be_sent(s3: S3Client, key: str) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    crc = s3.put_object(Bucket=BUCKET, Key=f"{key}.2", Body=b"12345")["ChecksumCRC64NVME"]
    params = {
        "Bucket": BUCKET,
        "Key": key,
        "UploadId": upload,
        "PartNumber": 1,
        "ContentLength": 5,
        "ChecksumCRC64NVME": crc,
    }
    url = s3.generate_presigned_url("upload_part", Params=params)
    bound = {"x-amz-checksum-crc64nvme": crc}

    assert send("PUT", url, b"12345", bound).headers["x-amz-checksum-crc64nvme"] == crc
    assert send("PUT", url, b"12345").code == "SignatureDoesNotMatch"
    assert send("PUT", url, b"123456", bound).code == "SignatureDoesNotMatch"
    assert send("PUT", url, b"1234", bound).code == "SignatureDoesNotMatch"
    assert send("PUT", url, b"54321", bound).code == "BadDigest"
    assert (
        send("PUT", url, b"12345", {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}).code
        == "SignatureDoesNotMatch"
    )
    assert send("PUT", url, b"12345", {**bound, "x-amz-checksum-crc32": "AAAAAA=="}).code == "AccessDenied"


def test_overrides_of_a_presigned_get(s3: S3Client, key: str) -> None:
    s3.put_object(
        Bucket=BUCKET,
        Key=key,
        Body=b"x",
        ContentType="application/octet-stream",
        ContentDisposition="attachment",
    )
    params = {
        "Bucket": BUCKET,
        "Key": key,
        "ResponseContentType": "image/jpeg",
        "ResponseContentDisposition": "inline; filename*=UTF-8''%C3%A9+1.jpg",
        "ResponseCacheControl": "private, max-age=60",
    }

    answer = send("GET", s3.generate_presigned_url("get_object", Params=params))

    assert [answer.headers[name] for name in ("content-type", "content-disposition", "cache-control")] == [
        "image/jpeg",
        "inline; filename*=UTF-8''%C3%A9+1.jpg",
        "private, max-age=60",
    ]


def test_a_signed_header_request(server: Server, key: str) -> None:
    good = signed(server, "PUT", key, b"abc")
    url = f"{server.url}/{BUCKET}/{quote(key)}"

    assert send("PUT", url, b"abc", good).status == 200
    assert send("PUT", url, b"abd", good).code == "XAmzContentSHA256Mismatch"
    assert (
        send("PUT", url, b"abc", {**good, "Authorization": good["Authorization"][:-1] + "!"}).code
        == "SignatureDoesNotMatch"
    )
    assert (
        send("PUT", url, b"abc", {**good, "Authorization": "AWS4-HMAC-SHA256 nonsense"}).code
        == "AuthorizationHeaderMalformed"
    )
    assert send("PUT", url, b"abc", {**good, "x-amz-meta-more": "1"}).code == "AccessDenied"
    assert send("PUT", url, b"abc").code == "AccessDenied"
    assert send("GET", url, headers=signed(server, "GET", key)).body == b"abc"


@pytest.mark.parametrize(
    ("offset", "code"),
    [(-600, ""), (600, ""), (-1000, "RequestTimeTooSkewed"), (1000, "RequestTimeTooSkewed")],
)
def test_the_clock_of_a_signed_request(server: Server, key: str, offset: int, code: str) -> None:
    answer = send(
        "PUT",
        f"{server.url}/{BUCKET}/{quote(key)}",
        b"x",
        signed(server, "PUT", key, b"x", at=time.time() + offset),
    )

    assert answer.code == code


def test_two_kinds_of_signature_at_once(server: Server, get_url: str, key: str) -> None:
    assert send("GET", get_url, headers=signed(server, "GET", key)).code == "InvalidArgument"


def chunked(body: bytes, trailer: str = "", size: int = 7) -> bytes:
    """The body encoded as botocore does for STREAMING-UNSIGNED-PAYLOAD-TRAILER."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return (
        b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        + b"0\r\n"
        + (f"{trailer}\r\n".encode() if trailer else b"")
        + b"\r\n"
    )


def trailing(server: Server, key: str, body: bytes, length: int, **headers: str) -> Answer:
    request = AWSRequest(
        "PUT",
        f"{server.url}/{BUCKET}/{quote(key)}",
        {"x-amz-decoded-content-length": str(length), **headers},
        b"",
    )
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}  # botocore's internal note
    S3SigV4Auth(Key(CREDENTIALS.access_key, CREDENTIALS.secret_key), "s3", REGION).add_auth(request)
    return send("PUT", str(request.url), body, {name: str(value) for name, value in request.headers.items()})


def test_a_body_in_signed_chunks_with_a_trailer(server: Server, s3: S3Client, key: str) -> None:
    body = b"0123456789" * 10
    crc = s3.put_object(Bucket=BUCKET, Key=f"{key}.2", Body=body, ChecksumAlgorithm="CRC32")["ChecksumCRC32"]
    asks = {
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "Content-Encoding": "aws-chunked",
    }

    answer = trailing(server, key, chunked(body, f"x-amz-checksum-crc32:{crc}"), len(body), **asks)

    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (200, crc)
    got = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"], "ContentEncoding" in got) == (body, crc, False)


@pytest.mark.parametrize(
    ("body", "length", "code"),
    [
        (chunked(b"12345", "x-amz-checksum-crc32:AAAAAA=="), 5, "BadDigest"),
        (chunked(b"12345", "x-amz-checksum-crc32:short"), 5, "InvalidRequest"),
        (chunked(b"12345", "x-amz-checksum-crc32c:AAAAAA=="), 5, "BadDigest"),
        (chunked(b"12345"), 5, "MalformedTrailerError"),
        (chunked(b"12345", "nonsense"), 5, "MalformedTrailerError"),
        (chunked(b"1234", "x-amz-checksum-crc32:AAAAAA=="), 5, "IncompleteBody"),
        (chunked(b"123456", "x-amz-checksum-crc32:AAAAAA=="), 5, "IncompleteBody"),
        (b"zz\r\n", 5, "IncompleteBody"),
        (b"5\r\n12345XX0\r\n\r\n", 5, "IncompleteBody"),
        (b"5\r\n123", 5, "IncompleteBody"),
    ],
)
def test_malformed_chunks(
    server: Server, s3: S3Client, key: str, body: bytes, length: int, code: str
) -> None:
    answer = trailing(server, key, body, length, **{"x-amz-trailer": "x-amz-checksum-crc32"})

    assert answer.code == code
    assert rejected(lambda: s3.head_object(Bucket=BUCKET, Key=key))[0] == 404


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(
        tmp_path_factory.mktemp("token"),
        credentials=Credentials("ASIALOCAL", "secret", "the+session/token=="),
    ) as server:
        yield server


def test_a_session_token_is_required(temporary: Server, key: str) -> None:
    good = temporary.client()
    without, other = (
        temporary.client(Credentials("ASIALOCAL", "secret", token)) for token in (None, "stale")
    )
    post = good.generate_presigned_post(BUCKET, key)
    params = {"Bucket": BUCKET, "Key": key}

    good.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    assert send("GET", good.generate_presigned_url("get_object", Params=params)).body == b"x"
    assert post["fields"]["x-amz-security-token"] == "the+session/token=="
    assert rejected(lambda: without.get_object(Bucket=BUCKET, Key=key)) == (403, "InvalidAccessKeyId")
    assert rejected(lambda: other.get_object(Bucket=BUCKET, Key=key)) == (400, "InvalidToken")
    assert (
        send("GET", without.generate_presigned_url("get_object", Params=params)).code == "InvalidAccessKeyId"
    )
    assert send("GET", other.generate_presigned_url("get_object", Params=params)).code == "InvalidToken"


def test_an_error_has_the_format_of_s3(server: Server, get_url: str) -> None:
    answer = send("GET", changed(get_url, {"X-Amz-Signature": "0" * 64}))

    path = urlsplit(get_url).path
    assert answer.headers["content-type"] == "application/xml"
    assert answer.element("Resource") == path
    assert answer.element("RequestId") == answer.headers["x-amz-request-id"]
    assert answer.element("Message") == (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    assert (answer.element("AWSAccessKeyId"), answer.element("SignatureProvided")) == (
        CREDENTIALS.access_key,
        "0" * 64,
    )
    assert answer.element("CanonicalRequest").startswith(
        f"GET\n{path}\nX-Amz-Algorithm=AWS4-HMAC-SHA256&amp;X-Amz-Credential="
    )


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    assert "secret" not in repr(Credentials("a", "secret", "secret-token"))
