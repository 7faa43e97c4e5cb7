"""Rate limits: what they count, and how answers report them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from argon2.exceptions import VerifyMismatchError

from functions.add_member.handler import app as add_member
from functions.change_password.handler import app as change_password
from functions.get_device_code.handler import app as get_device_code
from functions.get_me.handler import app as get_me
from functions.list_collections.handler import app as list_collections
from functions.sign_in.handler import app as sign_in
from functions.sign_post.handler import app as sign_post
from functions.sign_up.handler import app as sign_up
from functions.v1_delete_media.handler import app as v1_delete_media
from functions.v1_list_media.handler import app as v1_list_media
from tests.given.devices import Terminal
from tests.given.isolation_cases import NOWHERE, UNKNOWN_KEY, owner
from tests.given.loops import call
from tests.given.people import GET_SESSION, PASSWORD, SIGN_IN, SIGN_UP, PersonWithPassword, hashed
from tests.given.shapes import A_TIME, TOO_MANY, Shape
from tests.given.tenants import Client
from vitrine import credentials
from vitrine.accounts import ACCOUNTS
from vitrine.auth import rate_limit_address
from vitrine.http.endpoint import Request, endpoint
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.given.tenants import Tenant
    from vitrine.models.people import Nobody

DIGITS = Shape("a number", r"\d+")


@endpoint(ACCOUNTS, public=True, tier="auth", returns=dict)
def knock(_: Request, __: Nobody) -> dict[str, Any]:
    """GET /api/knock - anybody may, without credentials."""
    return {}


@pytest.fixture(autouse=True)
def _in_one_window(another_environment: pytest.MonkeyPatch) -> None:
    """Begin early enough that no window ends within a test, with the default limits in the place of the
    suite's.
    """
    for name in ("V1_READ", "V1_WRITE", "STUDIO_READ", "STUDIO_WRITE", "UPLOAD", "AUTH"):
        another_environment.delenv(f"{name}_LIMIT", raising=False)
    if (left := 60 - time.time() % 60) < 8:
        time.sleep(left + 0.1)


def an_address() -> str:
    """Return an address that no other test uses."""
    return f"10.{uuid4().int % 256}.{uuid4().int % 256}.{uuid4().int % 256}"


def ask(
    app: Any, who: Client | None = None, path: str | None = None, *, address: str = "127.0.0.1", **more: Any
) -> httpx.Response:
    method, route = app.spec.routes[0]
    headers = (
        {"x-api-key": who.key} if who and who.key else {"authorization": f"Bearer {who.token}"} if who else {}
    )
    return call(app, method, path or route, address=address, headers=headers, **more)


def rate_limit_headers(answer: httpx.Response) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if "ratelimit" in name or name == "retry-after"
    }


def test_every_answer_reports_what_is_left(tenant: Tenant) -> None:
    answers = [
        ask(v1_list_media, tenant.studio),
        ask(v1_list_media, tenant.studio, "/api/v1/media?limit=0"),
        ask(v1_delete_media, tenant.studio, f"/api/v1/media/{NOWHERE}"),
        ask(v1_list_media, address="10.0.0.1"),
    ]

    assert [
        (answer.status_code, answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"])
        for answer in answers[:3]
    ] == [
        (200, "200", "199"),
        (400, "200", "198"),
        (404, "50", "49"),
    ]
    assert (answers[3].status_code, answers[3].headers["x-ratelimit-limit"]) == (401, "200")
    assert rate_limit_headers(answers[0]) == {
        "x-ratelimit-limit": "200",
        "x-ratelimit-remaining": "199",
        "x-ratelimit-reset": DIGITS,
        "ratelimit-policy": '"v1-read";q=200;w=60',
        "ratelimit": Shape("a limit's rest", r'"v1-read";r=199;t=\d+'),
    }
    ahead = int(answers[0].headers["x-ratelimit-reset"]) / 1000 - time.time()
    assert 0 < ahead <= 60


def test_over_the_limit_v1_answers_as_its_contract_has_it(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("V1_READ_LIMIT", "2")
    settings.cache_clear()

    answers = [ask(v1_list_media, tenant.studio) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    retry_after = int(answers[2].headers["retry-after"])
    assert 1 <= retry_after <= 60
    assert answers[2].json() == {
        "success": False,
        "error": "Rate limit exceeded",
        "message": "Too many requests. Please try again later.",
        "code": "RATE_LIMIT_EXCEEDED",
        "meta": {"limit": 2, "remaining": 0, "resetTime": A_TIME, "retryAfter": retry_after},
    }
    assert answers[2].headers["x-ratelimit-remaining"] == "0"


def test_over_the_limit_studio_answers_in_its_own_format(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("STUDIO_READ_LIMIT", "1")
    settings.cache_clear()

    ask(get_me, tenant.studio)
    answer = ask(get_me, tenant.studio)

    assert (answer.status_code, answer.json()) == (429, {"error": TOO_MANY, "code": "rate_limited"})
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_the_rate_limit_is_checked_before_everything_else(
    tenant: Tenant, stranger: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("STUDIO_READ_LIMIT", "0")
    settings.cache_clear()

    answer = ask(list_collections, tenant.studio, f"/api/organization/{stranger.id.hex}/datasets")

    assert answer.status_code == 429


def test_v1_counts_by_credential_and_studio_by_organization(tenant: Tenant) -> None:
    keys = [tenant.client(), tenant.client("viewer"), tenant.signed_in()]

    v1 = [ask(v1_list_media, key).headers["x-ratelimit-remaining"] for key in keys]
    studio = [ask(get_me, key).headers["x-ratelimit-remaining"] for key in keys]

    assert (v1, studio) == (["199", "199", "199"], ["5999", "5998", "5997"])


def test_each_tier_is_counted_separately(tenant: Tenant, another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("V1_READ_LIMIT", "0")
    settings.cache_clear()

    assert ask(v1_list_media, tenant.studio).status_code == 429
    assert ask(v1_delete_media, tenant.studio, f"/api/v1/media/{NOWHERE}").status_code == 404


@pytest.mark.parametrize("key", [None, "nonsense", UNKNOWN_KEY])
def test_failed_credentials_count_against_the_address(
    key: str | None, tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("V1_READ_LIMIT", "2")
    settings.cache_clear()
    address, headers = an_address(), {"x-api-key": key} if key else {}

    statuses = [
        call(v1_list_media, "GET", "/api/v1/media", address=address, headers=headers).status_code
        for _ in range(3)
    ]

    assert statuses == [401, 401, 429]
    # a valid credential is counted by itself, not by address
    assert ask(v1_list_media, tenant.studio, address=address).status_code == 200
    assert ask(v1_list_media, address=an_address()).status_code == 401


def test_a_client_cannot_choose_its_address(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("V1_READ_LIMIT", "1")
    settings.cache_clear()
    address = an_address()

    statuses = [
        call(
            v1_list_media,
            "GET",
            "/api/v1/media",
            address=address,
            headers={"x-forwarded-for": an_address(), "x-real-ip": an_address()},
        ).status_code
        for _ in range(2)
    ]

    assert statuses == [401, 429]


def test_an_ipv6_address_is_counted_with_its_network() -> None:
    assert (
        rate_limit_address("2001:db8:1:2:3:4:5:6")
        == rate_limit_address("2001:db8:1:2:ffff::1")
        == "2001:db8:1:2::/64"
    )
    assert rate_limit_address("2001:db8:1:3::1") != rate_limit_address("2001:db8:1:2::1")
    assert (rate_limit_address("192.0.2.1"), rate_limit_address("testclient"), rate_limit_address("")) == (
        "192.0.2.1",
        "unknown",
        "unknown",
    )


def test_fifty_at_the_same_time_are_counted_one_by_one(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("V1_READ_LIMIT", "20")
    settings.cache_clear()
    key = tenant.studio

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: ask(v1_list_media, key), range(50)))

    assert sorted(answer.status_code for answer in answers) == [200] * 20 + [429] * 30
    assert sorted(int(answer.headers["x-ratelimit-remaining"]) for answer in answers) == [0] * 31 + list(
        range(1, 20)
    )


def test_the_next_window_begins_with_a_new_count(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("STUDIO_READ_LIMIT", "1")
    settings.cache_clear()
    bucket = f"organization:{tenant.id}:studio_read"
    assert [ask(get_me, tenant.studio).status_code for _ in range(2)] == [200, 429]

    with owner() as connection:
        moved = connection.execute(
            "update rate_limits set window_start = window_start - interval '1 minute' where bucket = %s",
            [bucket],
        ).rowcount

    assert (moved, ask(get_me, tenant.studio).status_code) == (1, 200)


def test_a_dropped_folder_of_ten_thousand_files_is_not_throttled(tenant: Tenant) -> None:
    with owner() as connection:  # as if each file had requested its form, then twice its state
        bucket = f"organization:{tenant.id}:upload"
        connection.execute(
            "insert into rate_limits (bucket, window_start, hits) "
            "values (%s, date_trunc('minute', now()), 30000)",
            [bucket],
        )

    answer = ask(sign_post, tenant.studio, "/api/upload/s3/params?filename=a.jpg&type=image/jpeg")

    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (200, "29999")


def test_rate_limits_can_be_switched_off(tenant: Tenant, another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("RATE_LIMITS", "off")
    another_environment.setenv("V1_READ_LIMIT", "0")
    settings.cache_clear()

    answer = ask(v1_list_media, tenant.studio)

    assert (answer.status_code, rate_limit_headers(answer)) == (200, {})
    assert rate_limit_headers(call(knock, "GET", "/api/knock")) == {}


def test_a_public_endpoint_is_counted_by_address(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("AUTH_LIMIT", "1")
    settings.cache_clear()
    address = an_address()

    answers = [call(knock, "GET", "/api/knock", address=address) for _ in range(2)]

    sentence = TOO_MANY
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json() == {"error": sentence, "code": "rate_limited", "message": sentence}
    assert answers[0].headers["ratelimit-policy"] == '"auth";q=1;w=900'
    assert call(knock, "GET", "/api/knock", address=an_address()).status_code == 200


# A request that succeeds is no guess.


@pytest.fixture
def without_hashing(another_environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Replace the hasher by one that takes no time and accepts PASSWORD alone."""
    # All tests of this process share this hash, so it is computed before the hasher is replaced.
    hashed(PASSWORD)
    another_environment.setattr(credentials, "_hasher", InstantHasher)
    return another_environment


@pytest.mark.parametrize("what", ["sign in", "change the password", "look at a login", "add a member"])
@pytest.mark.sampled(4)
def test_a_request_that_succeeds_is_not_counted_as_a_guess(
    tenant: Tenant, without_hashing: pytest.MonkeyPatch, what: str
) -> None:
    without_hashing.setenv("AUTH_LIMIT", "2")
    settings.cache_clear()
    succeed, fail = guesses(tenant, an_address())[what]

    successes = [succeed() for _ in range(4)]
    failures = [fail() for _ in range(3)]
    over = succeed()

    assert [answer.status_code for answer in successes] == [200] * 4
    assert [answer.headers["x-ratelimit-remaining"] for answer in successes] == ["2"] * 4
    assert [answer.status_code for answer in failures] == [failures[0].status_code] * 2 + [429]
    assert over.status_code == 429
    assert (
        f"again in {over.headers['retry-after']} second"
        in over.json()["error" if what != "look at a login" else "message"]
    )


def test_successes_at_the_same_time_do_not_use_up_the_window(
    tenant: Tenant, without_hashing: pytest.MonkeyPatch
) -> None:
    without_hashing.setenv("AUTH_LIMIT", "1")
    settings.cache_clear()
    succeed, _ = guesses(tenant, an_address())["sign in"]

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(lambda _: succeed().status_code, range(16)))

    assert statuses <= {200, 429}
    assert succeed().status_code == 200


def test_new_accounts_are_counted_separately(tenant: Tenant, without_hashing: pytest.MonkeyPatch) -> None:
    without_hashing.setenv("AUTH_LIMIT", "2")
    without_hashing.setenv("SIGN_UP", "open")
    settings.cache_clear()
    address = an_address()
    body = {"name": "Ada", "password": PASSWORD}

    made = [
        call(sign_up, "POST", SIGN_UP, json={**body, "email": f"{uuid4().hex}@example.org"}, address=address)
        for _ in range(3)
    ]

    assert [answer.status_code for answer in made] == [200, 200, 429]
    assert guesses(tenant, address)["sign in"][0]().status_code == 200


def guesses(
    tenant: Tenant, address: str
) -> dict[str, tuple[Callable[[], httpx.Response], Callable[[], httpx.Response]]]:
    """Return each request whose failures are counted as guesses: one that succeeds, and one that fails."""
    someone, terminal, admin = PersonWithPassword.new(), Terminal.begin(), tenant.client("admin")

    def signing_in(email: str, password: str) -> httpx.Response:
        return call(sign_in, "POST", SIGN_IN, json={"email": email, "password": password}, address=address)

    def changing(current: str) -> httpx.Response:
        return ask(
            change_password,
            someone.client,
            json={"currentPassword": current, "newPassword": PASSWORD},
            address=address,
        )

    def looking(code: str) -> httpx.Response:
        return call(get_device_code, "GET", f"/api/auth/device?user_code={code}", address=address)

    def adding(email: str) -> httpx.Response:
        return ask(add_member, admin, json={"email": email, "role": "viewer"}, address=address)

    return {
        "sign in": (
            lambda: signing_in(someone.email, PASSWORD),
            lambda: signing_in(f"{uuid4().hex}@example.org", PASSWORD),
        ),
        "change the password": (lambda: changing(PASSWORD), lambda: changing("another password")),
        "look at a login": (lambda: looking(terminal.user_code), lambda: looking("ABCD2345")),
        "add a member": (
            lambda: adding(PersonWithPassword.new().email),
            lambda: adding(f"{uuid4().hex}@example.org"),
        ),
    }


class InstantHasher:
    """A hasher that takes no time. It accepts PASSWORD alone."""

    def hash(self, _: str) -> str:
        return f"a hash {uuid4()}"

    def verify(self, password_hash: str, password: str) -> None:
        if password_hash == credentials.DUMMY_HASH or password != PASSWORD:
            raise VerifyMismatchError

    def check_needs_rehash(self, _: str) -> bool:
        return False


# The address that is counted.

PROXY = "a secret of the proxy"
FORWARDED, VIEWER = "x-forwarded-for", "cloudfront-viewer-address"
UNREADABLE = ("", "unknown", "192.0.2.1,", "192.0.2.256", "1.2.3", "[::1", "[::1]x", ":80", "x:y:z")


@pytest.mark.parametrize(
    ("named", "secret", "headers", "address"),
    [
        ("X-Forwarded-For", PROXY, [(FORWARDED, "192.0.2.1")], "192.0.2.1"),
        # the client itself wrote the first one
        ("X-Forwarded-For", PROXY, [(FORWARDED, "203.0.113.9, 192.0.2.1")], "192.0.2.1"),
        ("X-Forwarded-For", PROXY, [(FORWARDED, "203.0.113.9"), (FORWARDED, "192.0.2.1")], "192.0.2.1"),
        ("X-Forwarded-For", PROXY, [(FORWARDED, "203.0.113.9,192.0.2.1:4711")], "192.0.2.1"),
        ("X-Forwarded-For", PROXY, [(FORWARDED, "2001:db8::7")], "2001:db8::7"),
        ("X-Forwarded-For", PROXY, [(FORWARDED, "[2001:db8::7]:4711")], "2001:db8::7"),
        ("X-Forwarded-For", PROXY, [(FORWARDED, "[2001:db8::7]")], "2001:db8::7"),
        ("X-Forwarded-For", PROXY, [(FORWARDED, "::ffff:192.0.2.1")], "192.0.2.1"),
        ("CloudFront-Viewer-Address", PROXY, [(VIEWER, "192.0.2.1:46532")], "192.0.2.1"),
        ("CloudFront-Viewer-Address", PROXY, [(VIEWER, "2001:db8:0:0:0:0:0:7:443")], "2001:db8::7"),
        ("CloudFront-Viewer-Address", PROXY, [(VIEWER, "2001:db8::7:443")], "2001:db8::7"),
        ("CloudFront-Viewer-Address", PROXY, [(VIEWER, "[2001:db8::7]:443")], "2001:db8::7"),
        (
            "CloudFront-Viewer-Address",
            PROXY,
            [(VIEWER, "192.0.2.1:46532"), (FORWARDED, "203.0.113.9")],
            "192.0.2.1",
        ),
        # No readable address: that of the socket counts.
        *(("X-Forwarded-For", PROXY, [(FORWARDED, text)], "10.9.8.7") for text in UNREADABLE),
        ("X-Forwarded-For", PROXY, [], "10.9.8.7"),
        ("X-Forwarded-For", PROXY, [(VIEWER, "192.0.2.1:46532")], "10.9.8.7"),
        # Not trusted: without the secret, with another one, with two of them, or without the setting.
        ("X-Forwarded-For", None, [(FORWARDED, "192.0.2.1")], "10.9.8.7"),
        ("X-Forwarded-For", "", [(FORWARDED, "192.0.2.1")], "10.9.8.7"),
        ("X-Forwarded-For", PROXY.upper(), [(FORWARDED, "192.0.2.1")], "10.9.8.7"),
        ("X-Forwarded-For", f"{PROXY},{PROXY}", [(FORWARDED, "192.0.2.1")], "10.9.8.7"),
        (
            "",
            PROXY,
            [
                (FORWARDED, "192.0.2.1"),
                (VIEWER, "192.0.2.1:1"),
                ("x-real-ip", "192.0.2.1"),
                ("forwarded", "for=192.0.2.1"),
            ],
            "10.9.8.7",
        ),
    ],
)
def test_an_address_in_a_header_is_trusted_only_from_the_proxy(
    another_environment: pytest.MonkeyPatch,
    named: str,
    secret: str | None,
    headers: list[tuple[str, str]],
    address: str,
) -> None:
    another_environment.setenv("CLIENT_ADDRESS_HEADER", named)
    another_environment.setenv("PROXY_SECRET", PROXY)
    settings.cache_clear()

    answer = call(
        whoever,
        "GET",
        "/api/whoever",
        address="10.9.8.7",
        headers=[*headers, *([] if secret is None else [("x-proxy-secret", secret)])],
    )

    assert answer.json() == {"address": address}


@pytest.mark.parametrize(("named", "secret"), [(None, None), ("X-Forwarded-For", None), (None, PROXY)])
def test_without_both_settings_no_header_is_trusted(
    another_environment: pytest.MonkeyPatch, named: str | None, secret: str | None
) -> None:
    for name, value in (("CLIENT_ADDRESS_HEADER", named), ("PROXY_SECRET", secret)):
        another_environment.setenv(name, value or "")
    settings.cache_clear()

    answers = [
        call(
            whoever,
            "GET",
            "/api/whoever",
            address="10.9.8.7",
            headers={FORWARDED: "192.0.2.1", "x-proxy-secret": sent},
        ).json()
        for sent in ("", PROXY)
    ]

    assert answers == [{"address": "10.9.8.7"}] * 2


def test_the_trusted_address_is_counted_and_stored_with_the_session(
    another_environment: pytest.MonkeyPatch,
) -> None:
    another_environment.setenv("CLIENT_ADDRESS_HEADER", "X-Forwarded-For")
    another_environment.setenv("PROXY_SECRET", PROXY)
    another_environment.setenv("AUTH_LIMIT", "1")
    settings.cache_clear()
    someone, address = PersonWithPassword.new(), an_address()

    def through_proxy(app: Any, method: str, path: str, client: str, **more: Any) -> httpx.Response:
        return call(
            app, method, path, headers={FORWARDED: f"203.0.113.9, {client}", "x-proxy-secret": PROXY}, **more
        )

    signed_in = through_proxy(
        sign_in, "POST", SIGN_IN, address, json={"email": someone.email, "password": PASSWORD}
    )
    statuses = [
        through_proxy(knock, "GET", "/api/knock", client).status_code
        for client in (address, address, an_address())
    ]

    session = Client(None, token=signed_in.json()["token"]).get(GET_SESSION).json()["session"]
    assert (session["ipAddress"], statuses) == (address, [200, 429, 200])


def test_the_laptops_server_trusts_no_header() -> None:
    someone = PersonWithPassword.new()
    made_up = {
        FORWARDED: "192.0.2.1",
        "x-forwarded-proto": "https",
        VIEWER: "192.0.2.1:80",
        "x-real-ip": "192.0.2.1",
        "forwarded": "for=192.0.2.1",
    }

    answer = Client(None).post(SIGN_IN, json={"email": someone.email, "password": PASSWORD}, headers=made_up)

    session = Client(None, token=answer.json()["token"]).get(GET_SESSION).json()["session"]
    assert session["ipAddress"] == "127.0.0.1"


@endpoint(ACCOUNTS, public=True, returns=dict)
def whoever(request: Request, _: Nobody) -> dict[str, Any]:
    """GET /api/whoever - the address that this request came from."""
    return {"address": request.address}
