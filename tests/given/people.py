"""People with passwords, for the tests of signing up, signing in and signing out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg

from tests.given import minted
from tests.given.loops import call
from tests.given.shapes import A_TIME, AN_ID, Shape
from tests.given.tenants import Client
from vitrine.credentials import hash_password
from vitrine.library import organizations, sessions

if TYPE_CHECKING:
    import httpx

PASSWORD = "correct horse battery staple"
SIGN_UP, SIGN_IN, SIGN_OUT = "/api/auth/sign-up/email", "/api/auth/sign-in/email", "/api/auth/sign-out"
CHANGE_PASSWORD, GET_SESSION = "/api/auth/change-password", "/api/auth/get-session"
COOKIE = "better-auth.session_token"
A_TOKEN = Shape("a session's token", r"[0-9A-Za-z_-]{43}")


@dataclass(frozen=True)
class PersonWithPassword:
    """A person with a password and an open session, in no organization."""

    email: str
    id: str
    token: str

    @classmethod
    def new(cls) -> PersonWithPassword:
        """Create a person with PASSWORD. All share one hash, because hashing takes a quarter of a second."""
        email = f"{uuid4().hex}@example.org"
        person = organizations.add_person(email=email, name="Somebody")
        execute_as_owner("update users set password_hash = %s where id = %s", hashed(PASSWORD), person)
        token = sessions.start(person, address="127.0.0.1", user_agent="tests").token
        minted.note(token)
        return cls(email, person.hex, token)

    @classmethod
    def signed_up(cls, password: str) -> PersonWithPassword:
        """Sign up over HTTP with this password."""
        email = f"{uuid4().hex}@example.org"
        answer = Client(None).post(SIGN_UP, json={"name": "Somebody", "email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return cls(email, answer.json()["user"]["id"], answer.json()["token"])

    @property
    def client(self) -> Client:
        return Client(None, token=self.token)

    def shown(self) -> dict[str, Any]:
        """The person in the format of the API."""
        return user(self.email, "Somebody", self.id)

    def sign_in(self, password: str = PASSWORD, **more: Any) -> httpx.Response:
        return sign_in(self.email, password, **more)


hashed = cache(hash_password)


def user(email: str, name: str, person: object = AN_ID) -> dict[str, Any]:
    return {
        "id": person,
        "email": email,
        "name": name,
        "image": None,
        "emailVerified": False,
        "createdAt": A_TIME,
        "updatedAt": A_TIME,
    }


def sign_in(email: str, password: str, **more: Any) -> httpx.Response:
    return Client(None).post(SIGN_IN, json={"email": email, "password": password, **more})


def rejected(status: int, code: str, sentence: object, **more: Any) -> tuple[int, dict[str, Any]]:
    """An error in the form that tests.given.answers.outcome() returns."""
    return status, {"error": sentence, "code": code, "message": sentence, **more}


def field_issue(field: str, message: str) -> dict[str, Any]:
    return {"details": [{"path": [field], "message": message}]}


NOT_RECOGNIZED = rejected(401, "invalid_email_or_password", "Invalid email or password")
FOREIGN_ORIGIN = rejected(
    403, "origin_not_allowed", "A browser may ask this from a page of this origin, or of an allowed one"
)
UNAUTHORIZED = rejected(401, "unauthorized", "Missing or invalid authentication")


def cookies(answer: httpx.Response) -> list[str]:
    """The `Set-Cookie` headers with their values replaced by `...`."""
    return [
        cookie.replace(cookie.partition("=")[2].partition(";")[0] or "\0", "...", 1)
        for cookie in answer.headers.get_list("set-cookie")
    ]


def call_over_https(app: Any, method: str, path: str, **more: Any) -> httpx.Response:
    """Call the app as if it were deployed behind an HTTPS domain."""
    return call(app, method, f"https://media.example{path}", **more)


def execute_as_owner(statement: Any, *values: object) -> None:
    """Execute the statement as the tables' owner, outside row-level security."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(statement, values)


def select_as_owner(statement: Any, *values: object) -> list[tuple[Any, ...]]:
    """The rows of the statement, executed as the tables' owner, outside row-level security."""
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"], autocommit=True) as owner:
        return owner.execute(statement, values).fetchall()
