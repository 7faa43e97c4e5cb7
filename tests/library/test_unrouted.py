"""$default: requests that no route takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.given.isolation_cases import NOWHERE, ROUTES
from tests.given.shapes import A_REQUEST_ID, A_TIME
from tests.given.tenants import http

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

NOTHING = "There is nothing at this address"
EXPOSED = (
    "etag, location, retry-after, x-request-id, idempotency-replayed, "
    "ratelimit, ratelimit-policy, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"
)
ACCEPTED = "authorization, content-type, if-match, x-api-key, x-team-id, idempotency-key"
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-xss-protection": "1; mode=block",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def ask(method: str, path: str, **headers: str) -> httpx.Response:
    return http().request(
        method,
        path,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        follow_redirects=False,
    )


def cors(answer: httpx.Response) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/nowhere",
        "/api",
        "/api/me/",
        "/api/media",
        "/api/media/",
        "/api//me",
        "/API/me",
        "/api/media/x/y",
        "/f/x",
        "/f//x",
        "/api/upload/s3/nowhere",
        "/.env",
        "/api/%00",
        "/api/me%2Fx",
    ],
)
def test_an_unknown_path_is_404_in_the_format_of_studio(method: str, path: str) -> None:
    answer = ask(method, path)

    assert (answer.status_code, answer.json()) == (404, {"error": NOTHING, "code": "not_found"})
    assert "allow" not in answer.headers


@pytest.mark.parametrize("path", ["/api/auth/nowhere", "/api/auth/organization/x"])
def test_an_unknown_path_of_accounts_is_404_with_their_message(path: str) -> None:
    answer = ask("POST", path)

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": NOTHING, "code": "not_found", "message": NOTHING},
    )


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/media/x/y", "/api/v1/media-tags/x/y"])
def test_an_unknown_path_of_v1_is_404_in_its_envelope(path: str) -> None:
    answer = ask("GET", path)

    assert (answer.status_code, answer.json()) == (
        404,
        {"success": False, "error": NOTHING, "code": "HTTP_404", "info": {"timestamp": A_TIME}},
    )


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/me", "GET, OPTIONS"),
        ("POST", f"/api/media/{NOWHERE}", "DELETE, GET, OPTIONS, PATCH"),
        ("DELETE", f"/api/organization/{NOWHERE}/datasets", "GET, OPTIONS, POST"),
        ("GET", "/api/folder", "OPTIONS, POST"),
        ("POST", "/api/upload/s3/params", "GET, OPTIONS"),
        ("PUT", "/api/upload/s3/multipart/x", "DELETE, GET, OPTIONS"),
        ("POST", "/api/upload/s3/multipart/x/batch", "GET, OPTIONS"),  # not a part with the number "batch"
        ("DELETE", f"/f/{NOWHERE}/x", "GET, HEAD, OPTIONS"),
        ("POST", "/", "GET, OPTIONS"),
    ],
)
def test_another_method_is_405_with_the_allowed_ones(method: str, path: str, allow: str) -> None:
    answer = ask(method, path)

    assert (answer.status_code, answer.headers["allow"], answer.json()) == (
        405,
        allow,
        {"error": f"{method} is not allowed here; {allow} is", "code": "method_not_allowed"},
    )


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/v1/media", "GET, OPTIONS, POST"),
        ("PATCH", "/api/v1/media/upload", "GET, OPTIONS, POST"),
        ("GET", "/api/v1/media/check-duplicates", "OPTIONS, POST"),
        ("PUT", f"/api/v1/media/{NOWHERE}", "DELETE, GET, OPTIONS, PATCH"),
    ],
)
def test_in_v1_a_405_is_empty(method: str, path: str, allow: str) -> None:
    answer = ask(method, path)

    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, allow, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("path", ["/api/me", "/api/v1/teams", "/api/openapi.json"])
def test_head_is_405_without_a_body(path: str) -> None:
    answer = ask("HEAD", path)

    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET, OPTIONS", b"")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/api/me", "GET, OPTIONS"),
        ("/api/v1/media", "GET, OPTIONS, POST"),
        (f"/api/v1/media/{NOWHERE}", "DELETE, GET, OPTIONS, PATCH"),
        ("/api/folder", "OPTIONS, POST"),
        (f"/api/media/{NOWHERE}", "DELETE, GET, OPTIONS, PATCH"),
        (f"/f/{NOWHERE}/x", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_reports_the_methods_without_credentials(path: str, allow: str) -> None:
    answer = ask("OPTIONS", path)

    assert (answer.status_code, answer.content, answer.headers["allow"], cors(answer)) == (
        204,
        b"",
        allow,
        {},
    )


def test_options_is_answered_for_every_route() -> None:
    answered = {
        route.key: ask("OPTIONS", route.path.replace("{", "").replace("}", ""))
        .headers.get("allow", "")
        .split(", ")
        for route in ROUTES
        if route.key != "$default"
    }

    assert [key for key, allow in answered.items() if key.split(" ")[0] not in allow] == []
    assert [key for key, allow in answered.items() if "HEAD" in allow] == [
        "GET /f/{mediaId}/{token}",
        "HEAD /f/{mediaId}/{token}",
    ]


def test_a_page_of_an_allowed_origin_may_send_every_method() -> None:
    for origin in (os.environ["API_URL"], next(iter(os.environ["ALLOWED_ORIGINS"].split(",")))):
        answer = ask(
            "OPTIONS",
            f"/api/media/{NOWHERE}",
            origin=origin,
            access_control_request_method="DELETE",
            access_control_request_headers="x-api-key",
        )

        assert (answer.status_code, cors(answer)) == (
            204,
            {
                "allow-origin": origin,
                "allow-credentials": "true",
                "expose-headers": EXPOSED,
                "allow-methods": "DELETE, GET, OPTIONS, PATCH",
                "allow-headers": ACCEPTED,
                "max-age": "7200",
            },
        )
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "{ours}.evil.example",
        "{ours}/",
        "HTTP://localhost",
    ],
)
def test_a_page_of_another_origin_is_allowed_nothing(tenant: Tenant, origin: str) -> None:
    foreign = origin.format(ours=os.environ["API_URL"])

    preflight = ask(
        "OPTIONS",
        "/api/me",
        origin=foreign,
        access_control_request_method="GET",
        access_control_request_headers="x-api-key",
    )
    answer = tenant.studio.get("/api/me", headers={"origin": foreign})

    assert "allow-origin" not in cors(preflight)
    assert cors(answer) == {}


def test_a_page_of_an_allowed_origin_can_read_every_answer_including_errors(tenant: Tenant) -> None:
    origin = next(iter(os.environ["ALLOWED_ORIGINS"].split(",")))
    readable = {"allow-origin": origin, "allow-credentials": "true", "expose-headers": EXPOSED}

    answers = [
        tenant.studio.get("/api/me", headers={"origin": origin}),
        ask("GET", "/api/me", origin=origin),
        ask("GET", "/api/nowhere", origin=origin),
        ask("GET", "/api/v1/media", origin=origin),
        ask("PUT", "/api/me", origin=origin),
        ask("GET", f"/f/{NOWHERE}/x", origin=origin),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 404, 401, 405, 404]
    assert [cors(answer) for answer in answers] == [readable] * 6


@pytest.mark.parametrize(
    "path", ["/api/nowhere", "/api/me", "/api/v1/media", "/api/openapi.json", f"/f/{NOWHERE}/x"]
)
def test_every_answer_has_the_common_headers(path: str) -> None:
    answer = ask("GET", path)

    assert {name: answer.headers[name] for name in SECURITY} == SECURITY
    assert answer.headers["x-request-id"] == A_REQUEST_ID
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api/v1/media/", "/api/v1/media"),
        ("/api/v1/media/?limit=5&x=%20", "/api/v1/media?limit=5&x=%20"),
        ("/api/v1/media/a%20b/", "/api/v1/media/a%20b"),
        ("/api/v1/media/a%3Fb%23c/?x=1", "/api/v1/media/a%3Fb%23c?x=1"),
        ("/api/v1/media/a%0D%0Ab/", "/api/v1/media/a%0D%0Ab"),
    ],
)
def test_a_v1_path_with_a_slash_at_its_end_is_redirected(path: str, location: str) -> None:
    answer = ask("GET", path)

    assert (answer.status_code, answer.headers["location"], answer.content) == (308, location, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1//evil.example/",
        "/api/v1/%2F%2Fevil.example/",
        "//evil.example/",
        "/api/v1/https:%2F%2Fevil.example/",
    ],
)
def test_no_redirect_names_another_host(path: str) -> None:
    location = ask("GET", path).headers.get("location", "/")

    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
