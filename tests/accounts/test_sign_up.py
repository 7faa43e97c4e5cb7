"""POST /api/auth/sign-up/email: a new person with an e-mail address and a password, in no organization."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from functions.sign_up.handler import app
from tests.given.answers import outcome
from tests.given.loops import call
from tests.given.people import (
    A_TOKEN,
    COOKIE,
    FOREIGN_ORIGIN,
    NOT_RECOGNIZED,
    PASSWORD,
    SIGN_UP,
    PersonWithPassword,
    call_over_https,
    cookies,
    field_issue,
    rejected,
    select_as_owner,
    sign_in,
    user,
)
from tests.given.tenants import Client
from vitrine.library import organizations

if TYPE_CHECKING:
    import httpx

INVALID_EMAIL = rejected(400, "invalid_email", "Invalid email", **field_issue("email", "Invalid email"))
TAKEN = rejected(422, "user_already_exists", "User already exists. Use another email.")
TOO_SHORT = rejected(
    400,
    "password_too_short",
    "Password too short",
    **field_issue("password", "Must have at least 8 characters"),
)
TOO_LONG = rejected(
    400,
    "password_too_long",
    "Password too long",
    **field_issue("password", "Must have at most 128 characters"),
)


def sign_up(**fields: Any) -> httpx.Response:
    return Client(None).post(SIGN_UP, json=a_body(**fields))


def a_body(**fields: Any) -> dict[str, Any]:
    return {"name": "Ada", "email": f"{uuid4().hex}@example.org", "password": PASSWORD, **fields}


def test_signing_up_opens_a_session_in_no_organization() -> None:
    email = f"{uuid4().hex}@example.org"

    answer = sign_up(email=email)

    assert outcome(answer) == (
        200,
        {"token": A_TOKEN, "session": {"token": answer.json()["token"]}, "user": user(email, "Ada")},
    )
    assert cookies(answer) == [f"{COOKIE}=...; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"]
    assert answer.headers.get_list("set-cookie")[0].partition(";")[0] == f"{COOKIE}={answer.json()['token']}"
    signed_in = Client(None, token=answer.json()["token"])
    assert outcome(signed_in.get("/api/me")) == (
        400,
        {"error": "You belong to no organization yet", "code": "organization_required"},
    )
    assert sign_in(email, PASSWORD).status_code == 200


def test_an_unremembered_person_gets_a_session_cookie() -> None:
    answer = sign_up(rememberMe=False)

    assert cookies(answer) == [f"{COOKIE}=...; Path=/; HttpOnly; SameSite=Lax"]


@pytest.mark.parametrize("form", ["  {}@Example.ORG ", "{}@example.org\t", "{}@EXAMPLE.org"])
def test_an_email_is_compared_without_case_and_surrounding_spaces(form: str) -> None:
    word = uuid4().hex

    answer = sign_up(email=form.format(word.upper()))

    assert answer.json()["user"]["email"] == f"{word}@example.org"
    assert outcome(sign_up(email=f"{word}@example.org")) == TAKEN


@pytest.mark.parametrize(
    "email",
    [
        "a",
        "a@",
        "@b.example",
        "a@b",
        "a b@c.example",
        "a@b c.example",
        "a@b..example",
        "a@-b.example",
        "a@b.example.",
        "a@b@c.example",
        "a@b.example\n.",
        "ä@b.example",
        "a@bücher.example",
        "a@b.example\u202e",
        "<a@b.example>",
        "a@b.example,c@d.example",
        " ",
        "a" * 65 + "@b.example",
        "a@" + ".".join(["b" * 63] * 4),
    ],
)
def test_a_malformed_email_is_rejected(email: str) -> None:
    assert outcome(sign_up(email=email)) == INVALID_EMAIL


def test_an_email_that_is_too_long_is_rejected() -> None:
    sentence = "Must have at most 320 characters"

    assert outcome(sign_up(email="a" * 310 + "@b.example.org")) == rejected(
        400, "invalid", f"email: {sentence}", **field_issue("email", sentence)
    )


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_text_that_cannot_be_stored_is_rejected(field: str) -> None:
    assert outcome(sign_up(**{field: f"a\0{PASSWORD}@b.example"})) == rejected(
        400, "invalid", "A text holds a character that cannot be stored"
    )


def test_every_missing_field_is_named() -> None:
    answer = Client(None).post(SIGN_UP, json={})

    details = [{"path": [field], "message": "Required"} for field in ("name", "email", "password")]
    assert outcome(answer) == rejected(400, "invalid", "name: Required", details=details)


@pytest.mark.parametrize("name", [" ", "\u3000"])
def test_a_name_is_not_empty(name: str) -> None:
    assert outcome(sign_up(name=name)) == rejected(400, "invalid", "name must have 1 to 255 characters")


@pytest.mark.parametrize(
    ("password", "rejection"),
    [
        ("", TOO_SHORT),
        ("1234567", TOO_SHORT),
        ("é" * 7, TOO_SHORT),
        ("e\u0301" * 7, TOO_SHORT),
        ("x" * 129, TOO_LONG),
        ("é" * 129, TOO_LONG),
        ("\ufdfa" * 8, TOO_LONG),
        ("a\u0301\u0323" * 100_000, TOO_LONG),
    ],
)
def test_a_passwords_length_is_counted_in_characters(password: str, rejection: object) -> None:
    assert outcome(sign_up(password=password)) == rejection


@pytest.mark.parametrize(
    "password",
    [
        "12345678",
        "🔑" * 128,
        *(
            pytest.param(each, marks=pytest.mark.soak)
            for each in ("x" * 128, "é" * 128, "e\u0301" * 128, " " * 8)
        ),
    ],
)
def test_the_shortest_and_the_longest_password_are_accepted(password: str) -> None:
    someone = PersonWithPassword.signed_up(password)

    assert someone.sign_in(password).status_code == 200
    assert outcome(someone.sign_in(password + "x")) in (NOT_RECOGNIZED, TOO_LONG)
    assert outcome(someone.sign_in(password[:-1])) == NOT_RECOGNIZED


def test_an_email_belongs_to_one_person() -> None:
    first = PersonWithPassword.signed_up(PASSWORD)

    answer = sign_up(email=first.email.upper(), password="another password")

    assert outcome(answer) == TAKEN
    assert cookies(answer) == []
    assert outcome(first.sign_in("another password")) == NOT_RECOGNIZED
    assert first.sign_in().json()["user"] == first.shown()


def test_signing_up_cannot_claim_a_person_without_a_password() -> None:
    email = f"{uuid4().hex}@example.org"
    organizations.add_person(email=email, name="Added")

    assert outcome(sign_up(email=email)) == TAKEN
    assert outcome(sign_in(email, PASSWORD)) == NOT_RECOGNIZED


def test_of_concurrent_sign_ups_with_one_email_one_succeeds() -> None:
    email = f"{uuid4().hex}@example.org"

    with ThreadPoolExecutor(6) as threads:
        statuses = sorted(
            threads.map(lambda n: sign_up(email=email, password=f"password {n}").status_code, range(6))
        )

    assert statuses == [200, 422, 422, 422, 422, 422]


def test_a_password_is_stored_as_a_hash_and_logged_nowhere() -> None:
    word = uuid4().hex

    answer = sign_up(password=word)

    ((stored, rows),) = select_as_owner(
        "select password_hash, (u, s)::text from users u join sessions s on s.user_id = u.id where u.id = %s",
        answer.json()["user"]["id"],
    )
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert word not in rows + answer.text
    assert answer.json()["token"] not in rows


@pytest.mark.parametrize("closed", ["closed", "", "no"])
def test_signing_up_is_closed_unless_a_setting_opens_it(
    another_environment: pytest.MonkeyPatch, closed: str
) -> None:
    another_environment.setenv("SIGN_UP", closed)
    body = a_body()

    answer = call(app, "POST", SIGN_UP, json=body)

    assert outcome(answer) == rejected(
        403, "sign_up_closed", "Signing up is closed here; ask whoever runs this service for an account"
    )
    assert select_as_owner("select from users where email = %s", body["email"]) == []


def test_over_https_the_cookie_is_secure(another_environment: pytest.MonkeyPatch) -> None:
    another_environment.setenv("ORIGIN", "")
    another_environment.setenv("SIGN_UP", "open")

    answer = call_over_https(app, "POST", SIGN_UP, json=a_body(), headers={"origin": "https://media.example"})

    assert cookies(answer) == [
        f"__Secure-{COOKIE}=...; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure"
    ]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_page_of_another_origin_cannot_sign_up(origin: str) -> None:
    body = a_body()

    answer = Client(None).post(SIGN_UP, json=body, headers={"origin": origin})

    assert outcome(answer) == FOREIGN_ORIGIN
    assert select_as_owner("select from users where email = %s", body["email"]) == []
