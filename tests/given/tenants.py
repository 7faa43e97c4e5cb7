"""An organization to test with: clients of its people, its uploads, and the check of its invariants."""

from __future__ import annotations

import functools
import os
import threading
import time
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from tests.given import minted
from vitrine.library import organizations, sessions
from vitrine.library.invariants import invariants
from vitrine.models.people import Caller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vitrine.models.people import Role

FINAL = ("ready", "rejected", "failed")


_clients: list[httpx.Client] = []
_opening = threading.Lock()


def http() -> httpx.Client:
    """The one pool of connections of this process's tests."""
    with _opening:
        if not _clients:
            # No cookie is kept, because all clients share the pool. Idle connections are closed before the
            # server closes them, at five seconds: it might do so just when one is used again.
            none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            limits = httpx.Limits(keepalive_expiry=2)
            _clients.append(
                httpx.Client(
                    base_url=os.environ["API_URL"],
                    timeout=30,
                    cookies=none,
                    event_hooks=minted.HOOKS,
                    limits=limits,
                )
            )
        return _clients[0]


def close() -> None:
    """Close the connections. The next request opens new ones, to the API_URL of that time."""
    with _opening:
        while _clients:
            _clients.pop().close()


class Client:
    """A client of the API with an API key, the token of a session, or no credential."""

    def __init__(self, key: str | None, *, token: str | None = None) -> None:
        self.key, self.token = key, token
        minted.note(key, token)
        self.credentials = (
            {"x-api-key": key} if key else {"authorization": f"Bearer {token}"} if token else {}
        )

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return http().request(method, path, headers={**self.credentials, **more.pop("headers", {})}, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def patch(self, path: str, **more: Any) -> httpx.Response:
        return self.request("PATCH", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:
        return self.request("PUT", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)


@dataclass(frozen=True)
class Tenant:
    """An organization and its owner."""

    name: str
    owner: Caller
    collection_id: UUID

    @classmethod
    def create(cls, word: str) -> Tenant:
        """Create an organization with this slug, its owner and its default collection."""
        created = organizations.create(
            email=f"{word}@example.org",
            person="An Owner",
            name=f"Team {word[:8]}",
            slug=word,
            collection="Default",
        )
        owner = Caller(
            created.user_id,
            f"{word}@example.org",
            "An Owner",
            None,
            None,
            created.organization_id,
            f"Team {word[:8]}",
            "owner",
        )
        return cls(word, owner, created.collection_id)

    @property
    def id(self) -> UUID:
        return self.owner.organization_id

    @functools.cached_property
    def studio(self) -> Client:
        """The owner's client, with an API key of every scope."""
        return self.client()

    def client(self, role: Role = "owner", scopes: Iterable[str] = ("*",)) -> Client:
        """A client of a person of this role, with an API key of these scopes."""
        person = self.owner.user_id
        if role != "owner":
            person = organizations.add_person(email=f"{role}-{self.name}@example.org", name=f"A {role}")
            organizations.add_member(self.id, person, role)
        return Client(organizations.add_key(person, "a key", list(scopes)))

    def signed_in(self, role: Role = "owner") -> Client:
        """A client of a person of this role, with a session."""
        return Client(
            None,
            token=sessions.start(self.caller(role).user_id, address="127.0.0.1", user_agent="tests").token,
        )

    def caller(self, role: Role = "owner") -> Caller:
        """A person of this role, as the library's caller."""
        person = self.owner.user_id
        if role != "owner":
            person = organizations.add_person(email=f"{role}-{self.name}@example.org", name=f"A {role}")
            organizations.add_member(self.id, person, role)
        return Caller(
            person,
            f"{role}-{self.name}@example.org",
            f"A {role}",
            None,
            None,
            self.id,
            self.owner.organization_name,
            role,
        )

    def post_file(
        self, data: bytes, filename: str = "photo.jpg", mime_type: str = "image/jpeg", **metadata: str
    ) -> str:
        """Upload a file as stock Uppy uploads small ones, by a presigned form without Complete. Returns the
        media id.
        """
        signed = self.studio.get(
            "/api/upload/s3/params",
            params={
                "filename": filename,
                "type": mime_type,
                **{f"metadata[{name}]": value for name, value in metadata.items()},
            },
        )
        assert signed.status_code == 200, signed.text
        answer = http().post(
            signed.json()["url"],
            data=signed.json()["fields"],
            files={"file": (filename, data, mime_type)},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        media: str = signed.json()["mediaId"]
        return media

    def finished(self, media: str, *, patience: float = 60) -> dict[str, Any]:
        """Wait until the upload of this item has a final state, and return it."""
        until, pause = time.monotonic() + patience, 0.1
        while True:
            answer: dict[str, Any] = self.studio.get(f"/api/upload/{media}").json()
            if answer["state"] in FINAL or time.monotonic() > until:
                return answer
            time.sleep(pause)
            pause = min(1.5 * pause, 1.0)  # frequent requests slow the worker down

    def ready(
        self, data: bytes, filename: str = "photo.jpg", mime_type: str = "image/jpeg", **metadata: str
    ) -> str:
        """Upload these bytes and wait until the item is ready. Returns the media id."""
        media = self.post_file(data, filename, mime_type, **metadata)
        upload = self.finished(media)
        assert upload["state"] == "ready", upload
        return media

    def inconsistencies(self, *, finished: bool = False) -> list[str]:
        """Every violated invariant of this organization, as sentences; see library.invariants."""
        return [str(each) for each in invariants(self.id, finished=finished)]
