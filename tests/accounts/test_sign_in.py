"""POST /api/auth/sign-in/email: who is recognized, who is not, and how often it may be tried."""

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
    FOREIGN,
    NOT_RECOGNIZED,
    PASSWORD,
    SIGN_IN,
    UNAUTHORIZED,
    Someone,
    about,
    by_https,
    change,
    cookies,
    hashed,
    look,
    rejected,
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
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from tests.given.tenants import Tenant


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings are read anew, now and afterwards."""
    settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


def test_who_signs_in_has_a_token_that_opens() -> None:
    someone = Someone.new()

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


def test_the_cookie_opens_as_the_token_does(tenant: Tenant) -> None:
    someone = Someone.new()
    organizations.add_member(tenant.id, organizations.add_person(email=someone.email, name="-"), "viewer")
    cookie = someone.sign_in().headers["set-cookie"].partition(";")[0]

    answer = Client(None).get("/api/me", headers={"cookie": cookie})

    assert (answer.status_code, answer.json()["email"], answer.json()["role"]) == (
        200,
        someone.email,
        "viewer",
    )


def test_who_is_not_to_be_remembered_is_signed_in_for_a_day() -> None:
    someone = Someone.new()

    answer = someone.sign_in(rememberMe=False)

    assert cookies(answer) == [f"{COOKIE}=...; Path=/; HttpOnly; SameSite=Lax"]
    assert sorted(
        row[0] for row in look("select life_seconds from sessions where user_id = %s", someone.id)
    ) == [86400, 604800]


@pytest.mark.parametrize(
    "spell", [str.upper, lambda email: f"  {email}\n", str.title], ids=["upper", "spaces", "title"]
)
def test_an_email_has_no_case_and_no_space_around_it(spell: Callable[[str], str]) -> None:
    someone = Someone.new()

    assert sign_in(spell(someone.email), PASSWORD).json()["user"] == someone.shown()


def test_whoever_an_operator_added_under_a_name_of_their_own_signs_in(tenant: Tenant) -> None:
    email = f"jörg-{tenant.name}@intranet"
    person = organizations.add_person(email=email, name="Jörg")
    change("update users set password_hash = %s where id = %s", credentials.hash_password(PASSWORD), person)

    assert sign_in(email, PASSWORD).json()["user"]["id"] == person.hex


def test_a_password_is_the_same_however_a_keyboard_composes_it() -> None:
    word = "Ünïcode-pässwörd ﬁ ①"
    someone = Someone.signed_up(unicodedata.normalize("NFD", word))

    assert someone.sign_in(unicodedata.normalize("NFC", word)).status_code == 200
    assert someone.sign_in("Ünïcode-pässwörd fi 1").status_code == 200
    assert outcome(someone.sign_in(word.lower())) == NOT_RECOGNIZED


def without_password() -> tuple[str, str]:
    email = f"{uuid4().hex}@example.org"
    organizations.add_person(email=email, name="Without")
    return email, PASSWORD


WRONG: dict[str, Callable[[], tuple[str, str]]] = {
    "another password": lambda: (Someone.new().email, "another password"),
    "an empty one": lambda: (Someone.new().email, ""),
    "nobody": lambda: (f"{uuid4().hex}@example.org", PASSWORD),
    "no e-mail": lambda: (f"{uuid4().hex} ' or true --", PASSWORD),
    "without a password": without_password,
}
each_wrong = pytest.mark.parametrize("why", WRONG)


@each_wrong
@pytest.mark.sampled(2)
def test_whatever_is_wrong_is_said_alike(why: str) -> None:
    answer = sign_in(*WRONG[why]())

    assert outcome(answer) == NOT_RECOGNIZED
    assert cookies(answer) == []


@each_wrong
@pytest.mark.sampled(2)
def test_whatever_is_wrong_costs_one_verification(why: str) -> None:
    email, password = WRONG[why]()

    with counting(argon2.low_level.verify_secret) as calls, pytest.raises(InvalidCredentials):
        people.sign_in(email, password, subnet="192.0.2.1")

    assert calls == ["verify_secret"]


class counting:  # noqa: N801 - a context manager that is read as a function
    """Names a function each time it is called in this thread: by the interpreter's own hook, the function
    stays what it is.
    """

    def __init__(self, function: Any) -> None:
        self._code = function.__code__
        self._calls: list[str] = []

    def __enter__(self) -> list[str]:
        sys.setprofile(self._look)
        return self._calls

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is self._code:
            self._calls.append(frame.f_code.co_name)


def test_nobodys_hash_is_made_as_todays_are_so_that_it_takes_as_long() -> None:
    assert not credentials.is_outdated(credentials.DUMMY_HASH)
    assert not credentials.verify_password(None, PASSWORD)


def test_attempts_that_are_counted_and_taken_back_at_once_do_not_deadlock() -> None:
    place, account = (f"sign_in:{uuid4().hex}:{where}" for where in ("here", "anywhere"))

    def attempt(_: int) -> None:
        counted = write(Nobody(), queries.count_attempt(place, account, 1000, 900))[0]
        write(
            Nobody(), identity.uncount_request([place, account], counted.resets_at - timedelta(seconds=900))
        )

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(attempt, range(300)))  # a deadlock is an error of whoever loses it

    assert look("select hits from rate_limits where bucket = any (%s)", [place, account]) == [(0,), (0,)]


def test_a_hash_of_yesterdays_parameters_is_made_anew() -> None:
    someone = Someone.new()
    old = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    change("update users set password_hash = %s where id = %s", old, someone.id)

    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(someone.sign_in) for _ in range(3)]
        statuses = [
            someone.sign_in("another password").status_code,
            *(each.result().status_code for each in asked),
        ]

    (stored,) = look("select password_hash from users where id = %s", someone.id)[0]
    assert statuses == [401, 200, 200, 200]  # those who found it made anew by another one too
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
def test_what_is_no_attempt_is_refused(body: dict[str, Any], sentence: str, field: str) -> None:
    assert outcome(Client(None).post(SIGN_IN, json=body)) == rejected(
        400, "invalid", f"{field}: {sentence}", **about(field, sentence)
    )


@pytest.mark.parametrize(
    "body",
    [{"email": "a\0@b.example", "password": PASSWORD}, {"email": "a@b.example", "password": f"{PASSWORD}\0"}],
)
def test_what_cannot_be_stored_is_refused(body: dict[str, str]) -> None:
    assert outcome(Client(None).post(SIGN_IN, json=body)) == rejected(
        400, "invalid", "A text holds a character that cannot be stored"
    )


@pytest.mark.parametrize("email", ["nobody@example.org", None])
def test_a_password_that_cannot_be_one_is_refused_before_it_is_hashed(email: str | None) -> None:
    answer = sign_in(email or Someone.new().email, "x" * 129)

    assert outcome(answer) == rejected(
        400, "password_too_long", "Password too long", **about("password", "Must have at most 128 characters")
    )


# Cookies and pages.


def test_by_https_the_cookie_is_for_https_alone(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ORIGIN", "")
    someone = Someone.new()

    answer = by_https(
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
def test_a_foreign_page_signs_nobody_in(origin: str) -> None:
    someone = Someone.new()

    answer = Client(None).post(
        SIGN_IN, json={"email": someone.email, "password": PASSWORD}, headers={"origin": origin}
    )

    assert outcome(answer) == FOREIGN
    assert cookies(answer) == []


def test_our_own_page_and_an_allowed_one_sign_in() -> None:
    someone = Someone.new()
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
def test_a_cookie_writes_from_our_pages_only(tenant: Tenant, origin: str | None, *, allowed: bool) -> None:
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


def test_a_form_is_signed_for_a_navigation_of_our_own_page_and_no_other(tenant: Tenant) -> None:
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


def test_a_session_whose_time_is_over_is_refused() -> None:
    someone = Someone.new()
    change("update sessions set expires_at = now() - interval '1 second' where user_id = %s", someone.id)

    answer = someone.client.post(
        "/api/auth/change-password", json={"currentPassword": PASSWORD, "newPassword": PASSWORD}
    )

    assert outcome(answer) == UNAUTHORIZED
    assert someone.client.get("/api/auth/get-session").json() is None


def test_a_client_that_keeps_only_the_sessions_token_may_write(tenant: Tenant) -> None:
    """As the published mobile client does: no Origin, the token as Bearer, and the cookie that its
    platform keeps by itself.
    """
    someone = Someone.new()
    organizations.add_member(tenant.id, organizations.add_person(email=someone.email, name="-"), "editor")
    signed_in = someone.sign_in()
    token, cookie = signed_in.json()["session"]["token"], signed_in.headers["set-cookie"].partition(";")[0]

    bearer = {"authorization": f"Bearer {token}"}
    answers = [
        Client(None).post("/api/v1/media-tags", json={"name": f"tag {n}"}, headers=headers)
        for n, headers in enumerate((bearer, bearer | {"cookie": cookie}, {"cookie": cookie}))
    ]

    # a cookie alone may be a browser's on another page
    assert [answer.status_code for answer in answers] == [201, 201, 403]


# How often it may be tried.


def strict(environment: pytest.MonkeyPatch, *, here: int = 3, anywhere: int = 5) -> None:
    environment.setenv("SIGN_IN_LIMIT", str(here))
    environment.setenv("SIGN_IN_ACCOUNT_LIMIT", str(anywhere))


def tried(email: str, password: str, address: str) -> str:
    try:
        people.sign_in(email, password, subnet=address)
    except (InvalidCredentials, TooManyRequests) as rejection:
        return rejection.code
    return "signed in"


@pytest.mark.parametrize("exists", [True, False])
def test_one_place_may_fail_some_times_at_one_account(
    environment: pytest.MonkeyPatch, *, exists: bool
) -> None:
    strict(environment)
    email = Someone.new().email if exists else f"{uuid4().hex}@example.org"

    said_of = [tried(email, "another password", "192.0.2.1") for _ in range(5)]

    assert said_of == ["invalid_email_or_password"] * 3 + ["rate_limited"] * 2
    assert tried(email, PASSWORD, "192.0.2.1") == "rate_limited"
    assert tried(email.upper(), PASSWORD, "192.0.2.1") == "rate_limited"
    assert tried(email, PASSWORD, "192.0.2.2") == ("signed in" if exists else "invalid_email_or_password")


def test_one_account_has_one_count_of_failures_however_its_address_is_typed(
    environment: pytest.MonkeyPatch,
) -> None:
    strict(environment)
    email = f"j\u00f6rg-i{uuid4().hex}@example.org"
    person = organizations.add_person(email=email, name="J\u00f6rg")
    change("update users set password_hash = %s where id = %s", hashed(PASSWORD), person)
    typed = [
        email.upper().replace("\u00d6", "\u00f6"),
        unicodedata.normalize("NFD", email),
        f" {email.title()} ",
    ]

    failed = [tried(each, "another password", "192.0.2.1") for each in typed]

    assert failed == ["invalid_email_or_password"] * 3
    assert [tried(each, PASSWORD, "192.0.2.1") for each in (email, *typed)] == ["rate_limited"] * 4
    for another in (
        email.replace("-i", "-\u0130"),
        email.replace("-i", "-\u0131"),
        email.replace("j", "\u01c7"),
        email.replace("\u00f6", "\u00d6"),
    ):
        # nobody's
        assert [tried(another, PASSWORD, "192.0.2.2") for _ in range(4)] == [
            "invalid_email_or_password"
        ] * 3 + ["rate_limited"]
    assert tried(email, PASSWORD, "192.0.2.2") == "signed in"


def test_who_is_over_is_told_when_to_come_again(environment: pytest.MonkeyPatch) -> None:
    strict(environment, here=0)

    answer = call(app, "POST", SIGN_IN, json={"email": f"{uuid4().hex}@example.org", "password": PASSWORD})

    assert outcome(answer) == rejected(429, "rate_limited", TOO_MANY)
    assert 1 <= int(answer.headers["retry-after"]) <= 900
    assert f"again in {answer.headers['retry-after']} second" in answer.json()["error"]


def test_no_single_place_locks_anybody_out_and_many_together_are_stopped(
    environment: pytest.MonkeyPatch,
) -> None:
    strict(environment)
    someone = Someone.new()

    for _ in range(20):
        tried(someone.email, "another password", "192.0.2.1")
    assert tried(someone.email, PASSWORD, "192.0.2.2") == "signed in"

    said_of = [tried(someone.email, "another password", f"198.51.100.{n}") for n in range(4)]
    assert said_of == ["invalid_email_or_password"] * 2 + ["rate_limited"] * 2
    assert tried(someone.email, PASSWORD, "192.0.2.3") == "rate_limited"


def test_who_signs_in_often_is_not_stopped(environment: pytest.MonkeyPatch) -> None:
    strict(environment, here=1, anywhere=1)
    someone = Someone.new()

    assert [tried(someone.email, PASSWORD, "192.0.2.1") for _ in range(4)] == ["signed in"] * 4


def test_guesses_made_at_once_are_counted_one_by_one(environment: pytest.MonkeyPatch) -> None:
    strict(environment)
    someone = Someone.new()

    with ThreadPoolExecutor(8) as threads:
        said_of = sorted(
            threads.map(lambda _: tried(someone.email, "another password", "192.0.2.1"), range(8))
        )

    assert said_of == ["invalid_email_or_password"] * 3 + ["rate_limited"] * 5


def test_where_nothing_is_counted_nothing_is_refused_for_it(environment: pytest.MonkeyPatch) -> None:
    strict(environment, here=0, anywhere=0)
    environment.setenv("RATE_LIMITS", "off")

    assert tried(Someone.new().email, PASSWORD, "192.0.2.1") == "signed in"


def test_what_was_typed_is_not_kept(environment: pytest.MonkeyPatch) -> None:
    typed = f"{uuid4().hex} my password in the wrong field"

    tried(typed, PASSWORD, "192.0.2.1")

    assert look("select bucket from rate_limits where bucket like %s", f"%{typed[:32]}%") == []


def test_an_address_may_try_some_times_whoever_it_tries(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_LIMIT", "1")
    change("delete from rate_limits where bucket like 'address:127.0.0.1:auth'")

    answers = [
        call(app, "POST", SIGN_IN, json={"email": f"{uuid4().hex}@example.org", "password": PASSWORD})
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [401, 429]
    assert outcome(answers[1]) == rejected(429, "rate_limited", TOO_MANY)


def test_an_attempt_that_the_accounts_limit_stops_is_not_counted_for_everybody_at_the_address(
    environment: pytest.MonkeyPatch,
) -> None:
    strict(environment, here=1)
    environment.setenv("AUTH_LIMIT", "3")
    change("delete from rate_limits where bucket like 'address:127.0.0.1:auth'")
    email, someone = f"{uuid4().hex}@example.org", Someone.new()

    answers = [call(app, "POST", SIGN_IN, json={"email": email, "password": PASSWORD}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] + [429] * 5
    assert call(app, "POST", SIGN_IN, json={"email": someone.email, "password": PASSWORD}).status_code == 200


def test_right_attempts_at_once_do_not_use_up_the_window(environment: pytest.MonkeyPatch) -> None:
    strict(environment, here=1, anywhere=1)
    someone = Someone.new()

    with ThreadPoolExecutor(8) as threads:
        said_of = set(threads.map(lambda _: tried(someone.email, PASSWORD, "192.0.2.1"), range(8)))

    assert said_of <= {"signed in", "rate_limited"}
    assert tried(someone.email, PASSWORD, "192.0.2.1") == "signed in"


def test_few_passwords_are_hashed_at_the_same_time(environment: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB. Unknown addresses, wrong and right passwords, new accounts and changed passwords
    share the same few turns.
    """
    environment.setenv("PASSWORD_HASHES", "2")
    environment.setattr(credentials, "_semaphores", [])
    counting = Counting()
    environment.setattr(credentials, "_hasher", lambda: counting)
    someone = Someone.new()

    with ThreadPoolExecutor(12) as threads:
        list(
            threads.map(
                lambda email: tried(email, "another password", f"192.0.2.{len(email)}"),
                [someone.email, "nobody@example.org"] * 4,
            )
        )
        list(threads.map(credentials.hash_password, ["a password"] * 4))

    assert (counting.done, counting.most) == (12, 2)


def test_who_waits_too_long_for_the_hashing_gets_503_and_has_guessed_nothing(
    environment: pytest.MonkeyPatch,
) -> None:
    strict(environment, here=1, anywhere=1)
    environment.setenv("PASSWORD_WAIT", "0.05")
    turns = threading.BoundedSemaphore(1)
    someone = Someone.new()
    environment.setattr(credentials, "_semaphores", [turns])
    body = {"email": someone.email, "password": PASSWORD}

    with turns:  # other requests' hashes are being computed
        answers = [call(app, "POST", SIGN_IN, json=body) for _ in range(2)]
    after = call(app, "POST", SIGN_IN, json=body)

    assert [outcome(answer) for answer in answers] == [
        rejected(503, "busy", "Too many passwords are being checked at the same time; try again")
    ] * 2
    assert [answer.headers["retry-after"] for answer in answers] == ["5", "5"]
    assert after.status_code == 200


class Counting:
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
