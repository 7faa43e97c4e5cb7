"""How often who may ask, and how they are told."""

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
from tests.given.people import GET_SESSION, PASSWORD, SIGN_IN, SIGN_UP, Someone, hashed
from tests.given.shapes import A_TIME, TOO_MANY, Shape
from tests.given.tenants import Client
from vitrine import credentials
from vitrine.accounts import ACCOUNTS
from vitrine.auth import subnet
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
    """GET /api/knock - nobody in particular may."""
    return {}


@pytest.fixture(autouse=True)
def _in_one_window(another_environment: pytest.MonkeyPatch) -> None:
    """No minute ends within a test, which counts what falls into one. The suite's own limits are far away."""
    for name in ("V1_READ", "V1_WRITE", "STUDIO_READ", "STUDIO_WRITE", "UPLOAD", "AUTH"):
        another_environment.delenv(f"{name}_LIMIT", raising=False)
    if (left := 60 - time.time() % 60) < 8:
        time.sleep(left + 0.1)


def an_address() -> str:
    """That nobody else has."""
    return f"10.{uuid4().int % 256}.{uuid4().int % 256}.{uuid4().int % 256}"


def ask(
    app: Any, who: Client | None = None, path: str | None = None, *, address: str = "127.0.0.1", **more: Any
) -> httpx.Response:
    method, route = app.spec.routes[0]
    headers = (
        {"x-api-key": who.key} if who and who.key else {"authorization": f"Bearer {who.token}"} if who else {}
    )
    return call(app, method, path or route, address=address, headers=headers, **more)


def figures(answer: httpx.Response) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if "ratelimit" in name or name == "retry-after"
    }


def test_every_answer_says_how_much_is_left(tenant: Tenant) -> None:
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
    assert figures(answers[0]) == {
        "x-ratelimit-limit": "200",
        "x-ratelimit-remaining": "199",
        "x-ratelimit-reset": DIGITS,
        "ratelimit-policy": '"v1-read";q=200;w=60',
        "ratelimit": Shape("a limit's rest", r'"v1-read";r=199;t=\d+'),
    }
    ahead = int(answers[0].headers["x-ratelimit-reset"]) / 1000 - time.time()
    assert 0 < ahead <= 60


def test_over_the_limit_v1_says_so_as_its_contract_has_it(
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


def test_over_the_limit_studio_says_so_in_its_own_shape(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("STUDIO_READ_LIMIT", "1")
    settings.cache_clear()

    ask(get_me, tenant.studio)
    answer = ask(get_me, tenant.studio)

    assert (answer.status_code, answer.json()) == (429, {"error": TOO_MANY, "code": "rate_limited"})
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_who_is_refused_for_asking_too_often_learns_nothing_else(
    tenant: Tenant, stranger: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("STUDIO_READ_LIMIT", "0")
    settings.cache_clear()

    answer = ask(list_collections, tenant.studio, f"/api/organization/{stranger.id.hex}/datasets")

    assert answer.status_code == 429


def test_v1_counts_each_credential_and_studio_the_organization(tenant: Tenant) -> None:
    keys = [tenant.client(), tenant.client("viewer"), tenant.signed_in()]

    v1 = [ask(v1_list_media, key).headers["x-ratelimit-remaining"] for key in keys]
    studio = [ask(get_me, key).headers["x-ratelimit-remaining"] for key in keys]

    assert (v1, studio) == (["199", "199", "199"], ["5999", "5998", "5997"])


def test_each_tier_is_counted_for_itself(tenant: Tenant, another_environment: pytest.MonkeyPatch) -> None:
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
    # whoever is known is counted as such
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


def test_an_address_of_ipv6_is_counted_with_its_network() -> None:
    assert subnet("2001:db8:1:2:3:4:5:6") == subnet("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert subnet("2001:db8:1:3::1") != subnet("2001:db8:1:2::1")
    assert (subnet("192.0.2.1"), subnet("testclient"), subnet("")) == ("192.0.2.1", "unknown", "unknown")


def test_fifty_at_once_are_counted_one_by_one(
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


def test_in_the_next_window_one_may_ask_again(
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
    with owner() as connection:  # as if each of the files had asked for its form, then twice how it stands
        bucket = f"organization:{tenant.id}:upload"
        connection.execute(
            "insert into rate_limits (bucket, window_start, hits) values (%s, date_trunc('minute', now()), 30000)",
            [bucket],
        )

    answer = ask(sign_post, tenant.studio, "/api/upload/s3/params?filename=a.jpg&type=image/jpeg")

    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (200, "29999")


def test_limits_can_be_off(tenant: Tenant, another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("RATE_LIMITS", "off")
    another_environment.setenv("V1_READ_LIMIT", "0")
    settings.cache_clear()

    answer = ask(v1_list_media, tenant.studio)

    assert (answer.status_code, figures(answer)) == (200, {})
    assert figures(call(knock, "GET", "/api/knock")) == {}


def test_what_anybody_may_ask_is_counted_by_address(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("AUTH_LIMIT", "1")
    settings.cache_clear()
    address = an_address()

    answers = [call(knock, "GET", "/api/knock", address=address) for _ in range(2)]

    sentence = TOO_MANY
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json() == {"error": sentence, "code": "rate_limited", "message": sentence}
    assert answers[0].headers["ratelimit-policy"] == '"auth";q=1;w=900'
    assert call(knock, "GET", "/api/knock", address=an_address()).status_code == 200


# What succeeds is no guess.


@pytest.fixture
def without_hashing(another_environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Passwords take no time, and PASSWORD alone is right."""
    hashed(PASSWORD)  # which all tests of this process share: it is made before nothing is hashed any more
    another_environment.setattr(credentials, "_hasher", Willing)
    return another_environment


@pytest.mark.parametrize("what", ["sign in", "change the password", "look at a login", "add a member"])
@pytest.mark.sampled(4)
def test_what_is_right_is_not_counted_as_a_guess(
    tenant: Tenant, without_hashing: pytest.MonkeyPatch, what: str
) -> None:
    without_hashing.setenv("AUTH_LIMIT", "2")
    settings.cache_clear()
    ask_rightly, ask_wrongly = guesses(tenant, an_address())[what]

    right = [ask_rightly() for _ in range(4)]
    wrong = [ask_wrongly() for _ in range(3)]
    over = ask_rightly()

    assert [answer.status_code for answer in right] == [200] * 4
    assert [answer.headers["x-ratelimit-remaining"] for answer in right] == ["2"] * 4
    assert [answer.status_code for answer in wrong] == [wrong[0].status_code] * 2 + [429]
    assert over.status_code == 429
    assert (
        f"again in {over.headers['retry-after']} second"
        in over.json()["error" if what != "look at a login" else "message"]
    )


def test_right_requests_at_once_do_not_use_up_the_window(
    tenant: Tenant, without_hashing: pytest.MonkeyPatch
) -> None:
    without_hashing.setenv("AUTH_LIMIT", "1")
    settings.cache_clear()
    ask_rightly, _ = guesses(tenant, an_address())["sign in"]

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(lambda _: ask_rightly().status_code, range(16)))

    assert statuses <= {200, 429}
    assert ask_rightly().status_code == 200


def test_new_accounts_are_counted_apart(tenant: Tenant, without_hashing: pytest.MonkeyPatch) -> None:
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
    """Each thing whose failures are counted as guesses: asked rightly, and wrongly."""
    someone, terminal, admin = Someone.new(), Terminal.begin(), tenant.client("admin")

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
        "add a member": (lambda: adding(Someone.new().email), lambda: adding(f"{uuid4().hex}@example.org")),
    }


class Willing:
    """A hasher that takes no time. It recognizes PASSWORD alone."""

    def hash(self, _: str) -> str:
        return f"a hash {uuid4()}"

    def verify(self, kept: str, password: str) -> None:
        if kept == credentials.NOBODYS_HASH or password != PASSWORD:
            raise VerifyMismatchError

    def check_needs_rehash(self, _: str) -> bool:
        return False


# Which address is counted.

PROXY = "a secret of the proxy"
FORWARDED, VIEWER = "x-forwarded-for", "cloudfront-viewer-address"
UNREADABLE = ("", "unknown", "192.0.2.1,", "192.0.2.256", "1.2.3", "[::1", "[::1]x", ":80", "x:y:z")


@pytest.mark.parametrize(
    ("named", "secret", "headers", "address"),
    [
        ("X-Forwarded-For", PROXY, [(FORWARDED, "192.0.2.1")], "192.0.2.1"),
        # the first is what the client made up
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
        # Nothing that can be read: the address of the socket.
        *(("X-Forwarded-For", PROXY, [(FORWARDED, text)], "10.9.8.7") for text in UNREADABLE),
        ("X-Forwarded-For", PROXY, [], "10.9.8.7"),
        ("X-Forwarded-For", PROXY, [(VIEWER, "192.0.2.1:46532")], "10.9.8.7"),
        # Not believed: no secret, another, two of them, or a setting that is missing.
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
def test_an_address_in_a_header_is_believed_from_the_proxy_alone(
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
def test_without_both_settings_no_header_is_believed(
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
            headers={FORWARDED: "192.0.2.1", "x-proxy-secret": shown},
        ).json()
        for shown in ("", PROXY)
    ]

    assert answers == [{"address": "10.9.8.7"}] * 2


def test_what_is_counted_and_kept_is_the_address_that_is_believed(
    another_environment: pytest.MonkeyPatch,
) -> None:
    another_environment.setenv("CLIENT_ADDRESS_HEADER", "X-Forwarded-For")
    another_environment.setenv("PROXY_SECRET", PROXY)
    another_environment.setenv("AUTH_LIMIT", "1")
    settings.cache_clear()
    someone, address = Someone.new(), an_address()

    def asked(app: Any, method: str, path: str, shown: str, **more: Any) -> httpx.Response:
        return call(
            app, method, path, headers={FORWARDED: f"203.0.113.9, {shown}", "x-proxy-secret": PROXY}, **more
        )

    signed_in = asked(sign_in, "POST", SIGN_IN, address, json={"email": someone.email, "password": PASSWORD})
    statuses = [
        asked(knock, "GET", "/api/knock", shown).status_code for shown in (address, address, an_address())
    ]

    session = Client(None, token=signed_in.json()["token"]).get(GET_SESSION).json()["session"]
    assert (session["ipAddress"], statuses) == (address, [200, 429, 200])


def test_the_laptops_server_believes_no_header() -> None:
    someone = Someone.new()
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
