"""POST /api/auth/sign-in/email: authentication, its failures, and the limits of attempts."""

from __future__ import annotations

import os
import sys
import threading
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import argon2
import pytest

from functions.sign_in.handler import app
from tests.given.answers import outcome
from tests.given.loops import call
from tests.given.people import (
    A_TOKEN,
    COOKIE,
    FOREIGN_ORIGIN,
    NOT_RECOGNIZED,
    PASSWORD,
    SIGN_IN,
    UNAUTHORIZED,
    PersonWithPassword,
    call_over_https,
    cookies,
    execute_as_owner,
    field_issue,
    hashed,
    rejected,
    select_as_owner,
    sign_in,
)
from tests.given.shapes import TOO_MANY
from tests.given.tenants import Client
from vitrine import credentials
from vitrine.db import write
from vitrine.errors import InvalidCredentials, TooManyRequests
from vitrine.library import organizations, people
from vitrine.models.people import Nobody
from vitrine.queries import identity
from vitrine.queries import people as queries

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from tests.given.tenants import Tenant


def test_signing_in_returns_a_valid_token() -> None:
    someone = PersonWithPassword.new()

    answer = someone.sign_in()

    assert outcome(answer) == (
        200,
        {"redirect": False, "token": A_TOKEN, "session": {"token": A_TOKEN}, "user": someone.shown()},
    )
    assert answer.json()["session"]["token"] == answer.json()["token"]
    assert answer.headers["cache-control"] == "no-store"
    assert cookies(answer) == [f"{COOKIE}=...; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"]
    assert f"{COOKIE}={answer.json()['token']};" in answer.headers["set-cookie"]
    opened = Client(None, token=answer.json()["token"]).get("/api/auth/get-session").json()
    assert opened["user"] == someone.shown()
    assert answer.json()["token"] != someone.token


def test_the_cookie_authenticates_like_the_token(tenant: Tenant) -> None:
    someone = PersonWithPassword.new()
    organizations.add_member(tenant.id, organizations.add_person(email=someone.email, name="-"), "viewer")
    cookie = someone.sign_in().headers["set-cookie"].partition(";")[0]

    answer = Client(None).get("/api/me", headers={"cookie": cookie})

    assert (answer.status_code, answer.json()["email"], answer.json()["role"]) == (
        200,
        someone.email,
        "viewer",
    )


def test_an_unremembered_session_lasts_a_day() -> None:
    someone = PersonWithPassword.new()

    answer = someone.sign_in(rememberMe=False)

    assert cookies(answer) == [f"{COOKIE}=...; Path=/; HttpOnly; SameSite=Lax"]
    assert sorted(
        row[0] for row in select_as_owner("select life_seconds from sessions where user_id = %s", someone.id)
    ) == [86400, 604800]


@pytest.mark.parametrize(
    "write", [str.upper, lambda email: f"  {email}\n", str.title], ids=["upper", "spaces", "title"]
)
def test_an_email_is_compared_without_case_and_surrounding_spaces(write: Callable[[str], str]) -> None:
    someone = PersonWithPassword.new()

    assert sign_in(write(someone.email), PASSWORD).json()["user"] == someone.shown()


def test_a_person_added_by_an_operator_signs_in(tenant: Tenant) -> None:
    email = f"jörg-{tenant.name}@intranet"
    person = organizations.add_person(email=email, name="Jörg")
    execute_as_owner(
        "update users set password_hash = %s where id = %s", credentials.hash_password(PASSWORD), person
    )

    assert sign_in(email, PASSWORD).json()["user"]["id"] == person.hex


def test_composed_and_decomposed_passwords_are_the_same() -> None:
    word = "Ünïcode-pässwörd ﬁ ①"
    someone = PersonWithPassword.signed_up(unicodedata.normalize("NFD", word))

    assert someone.sign_in(unicodedata.normalize("NFC", word)).status_code == 200
    assert someone.sign_in("Ünïcode-pässwörd fi 1").status_code == 200
    assert outcome(someone.sign_in(word.lower())) == NOT_RECOGNIZED


def without_password() -> tuple[str, str]:
    email = f"{uuid4().hex}@example.org"
    organizations.add_person(email=email, name="Without")
    return email, PASSWORD


WRONG: dict[str, Callable[[], tuple[str, str]]] = {
    "another password": lambda: (PersonWithPassword.new().email, "another password"),
    "an empty one": lambda: (PersonWithPassword.new().email, ""),
    "nobody": lambda: (f"{uuid4().hex}@example.org", PASSWORD),
    "no e-mail": lambda: (f"{uuid4().hex} ' or true --", PASSWORD),
    "without a password": without_password,
}
each_wrong = pytest.mark.parametrize("why", WRONG)


@each_wrong
@pytest.mark.sampled(2)
def test_every_failed_sign_in_has_the_same_answer(why: str) -> None:
    answer = sign_in(*WRONG[why]())

    assert outcome(answer) == NOT_RECOGNIZED
    assert cookies(answer) == []


@each_wrong
@pytest.mark.sampled(2)
def test_every_failed_sign_in_verifies_one_hash(why: str) -> None:
    email, password = WRONG[why]()

    with record_calls(argon2.low_level.verify_secret) as calls, pytest.raises(InvalidCredentials):
        people.sign_in(email, password, subnet="192.0.2.1")

    assert calls == ["verify_secret"]


class record_calls:  # noqa: N801 - a context manager that is read as a function
    """Record the calls of a function in this thread, by the interpreter's profiling hook."""

    def __init__(self, function: Any) -> None:
        self._code = function.__code__
        self._calls: list[str] = []

    def __enter__(self) -> list[str]:
        sys.setprofile(self._record)
        return self._calls

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _record(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is self._code:
            self._calls.append(frame.f_code.co_name)


def test_the_placeholder_hash_has_the_current_parameters_and_takes_as_long() -> None:
    assert not credentials.is_outdated(credentials.DUMMY_HASH)
    assert not credentials.verify_password(None, PASSWORD)


def test_concurrent_counting_and_uncounting_does_not_deadlock() -> None:
    place, account = (f"sign_in:{uuid4().hex}:{where}" for where in ("here", "anywhere"))

    def attempt(_: int) -> None:
        counted = write(Nobody(), queries.count_attempt(place, account, 1000, 900))[0]
        write(
            Nobody(), identity.uncount_request([place, account], counted.resets_at - timedelta(seconds=900))
        )

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(attempt, range(300)))  # a deadlock raises in the thread that PostgreSQL aborts

    assert select_as_owner("select hits from rate_limits where bucket = any (%s)", [place, account]) == [
        (0,),
        (0,),
    ]


def test_a_hash_of_outdated_parameters_is_replaced() -> None:
    someone = PersonWithPassword.new()
    old = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    execute_as_owner("update users set password_hash = %s where id = %s", old, someone.id)

    with ThreadPoolExecutor(3) as threads:
        attempts = [threads.submit(someone.sign_in) for _ in range(3)]
        statuses = [
            someone.sign_in("another password").status_code,
            *(each.result().status_code for each in attempts),
        ]

    (stored,) = select_as_owner("select password_hash from users where id = %s", someone.id)[0]
    assert statuses == [401, 200, 200, 200]  # also for the sign-ins that found the hash replaced
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(
    ("body", "sentence", "field"),
    [
        ({"email": "a@b.example"}, "Required", "password"),
        ({"password": "p"}, "Required", "email"),
        ({"email": 1, "password": "p"}, "Must be a string", "email"),
        ({"email": "a@b.example", "password": None}, "Must be a string", "password"),
        (
            {"email": "a@b.example", "password": "p", "rememberMe": "perhaps"},
            "Must be true or false",
            "rememberMe",
        ),
        ({"email": "a" * 321, "password": "p"}, "Must have at most 320 characters", "email"),
    ],
)
def test_a_malformed_sign_in_is_rejected(body: dict[str, Any], sentence: str, field: str) -> None:
    assert outcome(Client(None).post(SIGN_IN, json=body)) == rejected(
        400, "invalid", f"{field}: {sentence}", **field_issue(field, sentence)
    )


@pytest.mark.parametrize(
    "body",
    [{"email": "a\0@b.example", "password": PASSWORD}, {"email": "a@b.example", "password": f"{PASSWORD}\0"}],
)
def test_text_that_cannot_be_stored_is_rejected(body: dict[str, str]) -> None:
    assert outcome(Client(None).post(SIGN_IN, json=body)) == rejected(
        400, "invalid", "A text holds a character that cannot be stored"
    )


@pytest.mark.parametrize("email", ["nobody@example.org", None])
def test_a_password_that_is_too_long_is_rejected_before_it_is_hashed(email: str | None) -> None:
    answer = sign_in(email or PersonWithPassword.new().email, "x" * 129)

    assert outcome(answer) == rejected(
        400,
        "password_too_long",
        "Password too long",
        **field_issue("password", "Must have at most 128 characters"),
    )


# Cookies and pages.


def test_over_https_the_cookie_is_secure(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("ORIGIN", "")
    someone = PersonWithPassword.new()

    answer = call_over_https(
        app,
        "POST",
        SIGN_IN,
        json={"email": someone.email, "password": PASSWORD},
        headers={"origin": "https://media.example"},
    )

    assert cookies(answer) == [
        f"__Secure-{COOKIE}=...; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure"
    ]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://127.0.0.1"])
def test_a_page_of_another_origin_cannot_sign_in(origin: str) -> None:
    someone = PersonWithPassword.new()

    answer = Client(None).post(
        SIGN_IN, json={"email": someone.email, "password": PASSWORD}, headers={"origin": origin}
    )

    assert outcome(answer) == FOREIGN_ORIGIN
    assert cookies(answer) == []


def test_pages_of_the_same_and_of_allowed_origins_sign_in() -> None:
    someone = PersonWithPassword.new()
    ours = [os.environ["API_URL"], os.environ["API_URL"].replace("127.0.0.1", "localhost")]

    answers = [
        Client(None).post(
            SIGN_IN, json={"email": someone.email, "password": PASSWORD}, headers={"origin": origin}
        )
        for origin in ours
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["access-control-allow-origin"] for answer in answers] == ours


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("ours", True), (None, False), ("https://evil.example", False), ("null", False), ("", False)],
)
def test_a_cookie_authorizes_writes_only_from_allowed_pages(
    tenant: Tenant, origin: str | None, *, allowed: bool
) -> None:
    cookie = {"cookie": f"{COOKIE}={tenant.signed_in().token}"}
    page = {} if origin is None else {"origin": os.environ["API_URL"] if origin == "ours" else origin}
    body = {"datasetId": tenant.collection_id.hex, "name": "n"}

    written = Client(None).post("/api/folder", json=body, headers=cookie | page)
    signed = Client(None).get(
        "/api/upload/s3/params", params={"filename": "a.jpg", "type": "image/jpeg"}, headers=cookie | page
    )
    seen = Client(None).get("/api/me", headers=cookie | page)

    sentence = (
        "A request that a browser's cookie signs must come from a page of this origin, or of an allowed one"
    )
    if allowed:
        assert (written.status_code, signed.status_code, seen.status_code) == (200, 200, 200)
    else:
        assert (*outcome(written), *outcome(signed)) == (
            403,
            {"error": sentence, "code": "origin_not_allowed"},
        ) * 2
        assert seen.status_code == 200
        assert ("access-control-allow-origin" in seen.headers) is False


def test_a_form_is_signed_only_for_a_navigation_of_the_same_origin(tenant: Tenant) -> None:
    cookie = {"cookie": f"{COOKIE}={tenant.signed_in().token}"}
    params = {"filename": "a.jpg", "type": "image/jpeg"}

    statuses = [
        Client(None)
        .get("/api/upload/s3/params", params=params, headers={**cookie, "sec-fetch-site": site})
        .status_code
        for site in ("same-origin", "same-site", "cross-site", "none")
    ]

    assert statuses == [200, 403, 403, 403]


# Sessions.


def test_an_expired_session_is_rejected() -> None:
    someone = PersonWithPassword.new()
    execute_as_owner(
        "update sessions set expires_at = now() - interval '1 second' where user_id = %s", someone.id
    )

    answer = someone.client.post(
        "/api/auth/change-password", json={"currentPassword": PASSWORD, "newPassword": PASSWORD}
    )

    assert outcome(answer) == UNAUTHORIZED
    assert someone.client.get("/api/auth/get-session").json() is None


def test_a_client_that_keeps_only_the_sessions_token_may_write(tenant: Tenant) -> None:
    """The published mobile client sends no Origin, the token as Bearer, and the cookie that its platform
    keeps.
    """
    someone = PersonWithPassword.new()
    organizations.add_member(tenant.id, organizations.add_person(email=someone.email, name="-"), "editor")
    signed_in = someone.sign_in()
    token, cookie = signed_in.json()["session"]["token"], signed_in.headers["set-cookie"].partition(";")[0]

    bearer = {"authorization": f"Bearer {token}"}
    answers = [
        Client(None).post("/api/v1/media-tags", json={"name": f"tag {n}"}, headers=headers)
        for n, headers in enumerate((bearer, bearer | {"cookie": cookie}, {"cookie": cookie}))
    ]

    # a cookie alone may come from a browser on another origin's page
    assert [answer.status_code for answer in answers] == [201, 201, 403]


# Limits of attempts.


def set_limits(another_environment: pytest.MonkeyPatch, *, here: int = 3, anywhere: int = 5) -> None:
    another_environment.setenv("SIGN_IN_LIMIT", str(here))
    another_environment.setenv("SIGN_IN_ACCOUNT_LIMIT", str(anywhere))


def try_sign_in(email: str, password: str, address: str) -> str:
    try:
        people.sign_in(email, password, subnet=address)
    except (InvalidCredentials, TooManyRequests) as rejection:
        return rejection.code
    return "signed in"


@pytest.mark.parametrize("exists", [True, False])
def test_failures_at_one_account_are_limited_per_subnet(
    another_environment: pytest.MonkeyPatch, *, exists: bool
) -> None:
    set_limits(another_environment)
    email = PersonWithPassword.new().email if exists else f"{uuid4().hex}@example.org"

    codes = [try_sign_in(email, "another password", "192.0.2.1") for _ in range(5)]

    assert codes == ["invalid_email_or_password"] * 3 + ["rate_limited"] * 2
    assert try_sign_in(email, PASSWORD, "192.0.2.1") == "rate_limited"
    assert try_sign_in(email.upper(), PASSWORD, "192.0.2.1") == "rate_limited"
    assert try_sign_in(email, PASSWORD, "192.0.2.2") == (
        "signed in" if exists else "invalid_email_or_password"
    )


def test_failures_are_counted_per_account_however_its_address_is_typed(
    another_environment: pytest.MonkeyPatch,
) -> None:
    set_limits(another_environment)
    email = f"j\u00f6rg-i{uuid4().hex}@example.org"
    person = organizations.add_person(email=email, name="J\u00f6rg")
    execute_as_owner("update users set password_hash = %s where id = %s", hashed(PASSWORD), person)
    typed = [
        email.upper().replace("\u00d6", "\u00f6"),
        unicodedata.normalize("NFD", email),
        f" {email.title()} ",
    ]

    failed = [try_sign_in(each, "another password", "192.0.2.1") for each in typed]

    assert failed == ["invalid_email_or_password"] * 3
    assert [try_sign_in(each, PASSWORD, "192.0.2.1") for each in (email, *typed)] == ["rate_limited"] * 4
    for another in (
        email.replace("-i", "-\u0130"),
        email.replace("-i", "-\u0131"),
        email.replace("j", "\u01c7"),
        email.replace("\u00f6", "\u00d6"),
    ):
        # addresses without an account
        assert [try_sign_in(another, PASSWORD, "192.0.2.2") for _ in range(4)] == [
            "invalid_email_or_password"
        ] * 3 + ["rate_limited"]
    assert try_sign_in(email, PASSWORD, "192.0.2.2") == "signed in"


def test_over_the_limit_retry_after_is_sent(another_environment: pytest.MonkeyPatch) -> None:
    set_limits(another_environment, here=0)

    answer = call(app, "POST", SIGN_IN, json={"email": f"{uuid4().hex}@example.org", "password": PASSWORD})

    assert outcome(answer) == rejected(429, "rate_limited", TOO_MANY)
    assert 1 <= int(answer.headers["retry-after"]) <= 900
    assert f"again in {answer.headers['retry-after']} second" in answer.json()["error"]


def test_one_subnet_cannot_lock_an_account_and_many_together_are_stopped(
    another_environment: pytest.MonkeyPatch,
) -> None:
    set_limits(another_environment)
    someone = PersonWithPassword.new()

    for _ in range(20):
        try_sign_in(someone.email, "another password", "192.0.2.1")
    assert try_sign_in(someone.email, PASSWORD, "192.0.2.2") == "signed in"

    codes = [try_sign_in(someone.email, "another password", f"198.51.100.{n}") for n in range(4)]
    assert codes == ["invalid_email_or_password"] * 2 + ["rate_limited"] * 2
    assert try_sign_in(someone.email, PASSWORD, "192.0.2.3") == "rate_limited"


def test_successful_sign_ins_are_not_limited(another_environment: pytest.MonkeyPatch) -> None:
    set_limits(another_environment, here=1, anywhere=1)
    someone = PersonWithPassword.new()

    assert [try_sign_in(someone.email, PASSWORD, "192.0.2.1") for _ in range(4)] == ["signed in"] * 4


def test_concurrent_guesses_are_all_counted(another_environment: pytest.MonkeyPatch) -> None:
    set_limits(another_environment)
    someone = PersonWithPassword.new()

    with ThreadPoolExecutor(8) as threads:
        codes = sorted(
            threads.map(lambda _: try_sign_in(someone.email, "another password", "192.0.2.1"), range(8))
        )

    assert codes == ["invalid_email_or_password"] * 3 + ["rate_limited"] * 5


def test_without_rate_limits_failures_are_not_limited(another_environment: pytest.MonkeyPatch) -> None:
    set_limits(another_environment, here=0, anywhere=0)
    another_environment.setenv("RATE_LIMITS", "off")

    assert try_sign_in(PersonWithPassword.new().email, PASSWORD, "192.0.2.1") == "signed in"


def test_the_typed_address_is_not_stored(another_environment: pytest.MonkeyPatch) -> None:
    typed = f"{uuid4().hex} my password in the wrong field"

    try_sign_in(typed, PASSWORD, "192.0.2.1")

    assert select_as_owner("select bucket from rate_limits where bucket like %s", f"%{typed[:32]}%") == []


def test_attempts_are_limited_per_address_over_all_accounts(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("AUTH_LIMIT", "1")
    execute_as_owner("delete from rate_limits where bucket like 'address:127.0.0.1:auth'")

    answers = [
        call(app, "POST", SIGN_IN, json={"email": f"{uuid4().hex}@example.org", "password": PASSWORD})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [401, 429]
    assert outcome(answers[1]) == rejected(429, "rate_limited", TOO_MANY)


def test_an_attempt_over_the_accounts_limit_is_not_counted_against_the_subnet(
    another_environment: pytest.MonkeyPatch,
) -> None:
    set_limits(another_environment, here=1)
    another_environment.setenv("AUTH_LIMIT", "3")
    execute_as_owner("delete from rate_limits where bucket like 'address:127.0.0.1:auth'")
    email, someone = f"{uuid4().hex}@example.org", PersonWithPassword.new()

    answers = [call(app, "POST", SIGN_IN, json={"email": email, "password": PASSWORD}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] + [429] * 5
    assert call(app, "POST", SIGN_IN, json={"email": someone.email, "password": PASSWORD}).status_code == 200


def test_concurrent_right_attempts_do_not_use_up_the_window(another_environment: pytest.MonkeyPatch) -> None:
    set_limits(another_environment, here=1, anywhere=1)
    someone = PersonWithPassword.new()

    with ThreadPoolExecutor(8) as threads:
        codes = set(threads.map(lambda _: try_sign_in(someone.email, PASSWORD, "192.0.2.1"), range(8)))

    assert codes <= {"signed in", "rate_limited"}
    assert try_sign_in(someone.email, PASSWORD, "192.0.2.1") == "signed in"


def test_few_passwords_are_hashed_at_the_same_time(another_environment: pytest.MonkeyPatch) -> None:
    """A hash needs 64 MiB. Unknown addresses, wrong and right passwords, new accounts and changed passwords
    share the same few turns.
    """
    another_environment.setenv("PASSWORD_HASHES", "2")
    another_environment.setattr(credentials, "_semaphores", [])
    counting = CountingHasher()
    another_environment.setattr(credentials, "_hasher", lambda: counting)
    someone = PersonWithPassword.new()

    with ThreadPoolExecutor(12) as threads:
        list(
            threads.map(
                lambda email: try_sign_in(email, "another password", f"192.0.2.{len(email)}"),
                [someone.email, "nobody@example.org"] * 4,
            )
        )
        list(threads.map(credentials.hash_password, ["a password"] * 4))

    assert (counting.done, counting.most) == (12, 2)


def test_waiting_too_long_for_the_hashing_is_503_and_not_counted_as_a_failure(
    another_environment: pytest.MonkeyPatch,
) -> None:
    set_limits(another_environment, here=1, anywhere=1)
    another_environment.setenv("PASSWORD_WAIT", "0.05")
    turns = threading.BoundedSemaphore(1)
    someone = PersonWithPassword.new()
    another_environment.setattr(credentials, "_semaphores", [turns])
    body = {"email": someone.email, "password": PASSWORD}

    with turns:  # other requests' hashes are being computed
        answers = [call(app, "POST", SIGN_IN, json=body) for _ in range(2)]
    after = call(app, "POST", SIGN_IN, json=body)

    assert [outcome(answer) for answer in answers] == [
        rejected(503, "busy", "Too many passwords are being checked at the same time; try again")
    ] * 2
    assert [answer.headers["retry-after"] for answer in answers] == ["5", "5"]
    assert after.status_code == 200


class CountingHasher:
    """A hasher that counts how many of its calls run at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = self.most = self.done = 0

    def hash(self, _: str) -> str:
        self._work()
        return "a hash"

    def verify(self, _: str, __: str) -> None:
        self._work()
        raise argon2.exceptions.VerifyMismatchError

    def _work(self) -> None:
        with self._lock:
            self._running += 1
            self.done += 1
            self.most = max(self.most, self._running)
        time.sleep(0.02)
        with self._lock:
            self._running -= 1
