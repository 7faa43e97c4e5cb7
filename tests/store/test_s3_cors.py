"""CORS, with the preflights that Chromium sends."""

from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from pydantic import ValidationError

from local.s3 import CorsRule, read_cors
from tests.store.servers import BUCKET, PAGE, Answer, Server, send


def preflight(server: Server, origin: str, method: str, headers: str = "") -> Answer:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Sec-Fetch-Mode": "cors",
        "Accept": "*/*",
    }
    return send(
        "OPTIONS",
        f"{server.url}/{BUCKET}/a",
        headers=asked | ({"Access-Control-Request-Headers": headers} if headers else {}),
    )


def cors_headers(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def test_a_preflight_allowed_by_a_rule(server: Server) -> None:
    answer = preflight(server, PAGE, "PUT", "content-type,x-amz-checksum-crc64nvme")

    assert (answer.status, answer.headers["vary"]) == (
        200,
        "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    )
    assert cors_headers(answer) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, PUT, POST",
        "access-control-allow-headers": "content-type, x-amz-checksum-crc64nvme",
        "access-control-expose-headers": "ETag, Location",
        "access-control-max-age": "3600",
    }


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://evil.example", "PUT", ""),
        ("null", "PUT", ""),
        (f"{PAGE}.evil.example", "PUT", ""),
        (PAGE.replace("https", "http"), "PUT", ""),
        (PAGE, "DELETE", ""),
        (PAGE, "PUT", "authorization"),
        (PAGE, "PUT", "content-type,authorization"),
        ("http://localhost", "PUT", ""),
    ],
)
def test_a_preflight_allowed_by_no_rule(server: Server, origin: str, method: str, headers: str) -> None:
    answer = preflight(server, origin, method, headers)

    assert (answer.status, answer.code, answer.element("Method"), answer.element("ResourceType")) == (
        403,
        "AccessForbidden",
        method,
        "OBJECT",
    )
    assert cors_headers(answer) == {}


def test_a_star_within_an_origin(server: Server) -> None:
    assert (
        cors_headers(preflight(server, "http://localhost:5173", "GET"))["access-control-allow-origin"]
        == "http://localhost:5173"
    )


def test_a_star_as_the_origin_allows_no_credentials(server: Server) -> None:
    assert cors_headers(preflight(server, "https://anywhere.example", "HEAD")) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "HEAD",
    }


def test_malformed_preflights(server: Server) -> None:
    assert send("OPTIONS", f"{server.url}/{BUCKET}/a").code == "BadRequest"
    assert send("OPTIONS", f"{server.url}/{BUCKET}/a", headers={"Origin": PAGE}).code == "BadRequest"
    assert preflight(server, PAGE, "PATCH").code == "BadRequest"


def test_a_bucket_without_rules(fresh_server: Server) -> None:
    answer = preflight(fresh_server, PAGE, "GET")

    assert (answer.status, answer.code, answer.element("Message")) == (
        403,
        "AccessForbidden",
        "CORSResponse: CORS is not enabled for this bucket.",
    )


def test_answers_and_errors_have_the_headers_of_the_rule(server: Server, s3: S3Client, key: str) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})

    put = send("PUT", url, b"x", {"Origin": PAGE})
    denied = send("PUT", url.replace("Signature=", "Signature=0"), b"x", {"Origin": PAGE})

    assert (put.status, denied.status) == (200, 403)
    assert (
        cors_headers(put)
        == cors_headers(denied)
        == {
            "access-control-allow-origin": PAGE,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET, PUT, POST",
            "access-control-expose-headers": "ETag, Location",
            "access-control-max-age": "3600",
        }
    )
    assert cors_headers(send("PUT", url, b"x", {"Origin": "https://evil.example"})) == {}
    assert cors_headers(send("PUT", url, b"x")) == {}


def test_rules_are_read_in_the_form_of_cloudformation(tmp_path: Path) -> None:
    file = tmp_path / "cors.json"
    file.write_text(
        '{"CorsRules": [{"Id": "page", "AllowedOrigins": ["https://a.example"], "AllowedMethods": ["GET"],'
        ' "AllowedHeaders": ["*"], "ExposedHeaders": ["ETag"], "MaxAge": 60}]}'
    )

    assert read_cors(file) == (CorsRule(("https://a.example",), ("GET",), ("*",), ("ETag",), 60),)
    file.write_text('{"CorsRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "Typo": 1}]}')
    with pytest.raises(ValidationError):
        read_cors(file)
