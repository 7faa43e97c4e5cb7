"""People for the tests of organizations, and helpers for races between requests."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID, uuid4

import pytest

from tests.given.isolation_cases import owner
from tests.given.shapes import A_TIME
from tests.given.tenants import Client
from vitrine.library import organizations, sessions
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import httpx
    import psycopg

    from tests.given.tenants import Tenant
    from vitrine.models.people import Role

ORGANIZATION = "/api/auth/organization"
NOT_ADMIN = "This takes the role owner or admin; yours is "
OWNERS_ONLY = "Only an owner can make somebody an owner, or change or remove one"
LAST_OWNER = "An organization keeps an owner: make somebody else one first"


@dataclass(frozen=True)
class PersonWithKey:
    """A person with an API key of every scope."""

    id: UUID
    name: str
    email: str
    client: Client

    @classmethod
    def new(cls, name: str = "Somebody", email: str | None = None) -> PersonWithKey:
        """Create a person in no organization."""
        email = email or f"{uuid4().hex}@example.org"
        person = organizations.add_person(email=email, name=name)
        return cls(person, name, email, Client(organizations.add_key(person, "a key", ["*"])))

    @classmethod
    def of(cls, tenant: Tenant, role: Role) -> PersonWithKey:
        """Create a member of this organization."""
        person = cls.new(f"The {role}")
        organizations.add_member(tenant.id, person.id, role)
        return person

    @classmethod
    def owning(cls, tenant: Tenant) -> PersonWithKey:
        """The organization's first owner."""
        return cls(tenant.owner.user_id, tenant.owner.user_name, tenant.owner.email, tenant.studio)

    def signed_in(self) -> Client:
        return Client(None, token=sessions.start(self.id, address="127.0.0.1", user_agent="tests").token)

    def shown(self, tenant: Tenant, role: Role) -> dict[str, Any]:
        """The person as a member, in the format of the API."""
        return {
            "id": self.id.hex,
            "organizationId": tenant.id.hex,
            "userId": self.id.hex,
            "role": role,
            "createdAt": A_TIME,
            "user": {"id": self.id.hex, "name": self.name, "email": self.email, "image": None},
        }


@contextmanager
def changed_setting(name: str, value: str) -> Generator[None]:
    """Change a setting of this process within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        settings.cache_clear()
        yield
    settings.cache_clear()


def roles(tenant: Tenant) -> dict[UUID, str]:
    """The roles of all members by user id."""
    with owner() as connection:
        rows = connection.execute(
            "select user_id, role from memberships where organization_id = %s", [tenant.id]
        ).fetchall()
    return {row["user_id"]: row["role"] for row in rows}


def audit_entries(organization: UUID) -> list[tuple[str, UUID, UUID, dict[str, Any]]]:
    """The organization's audit log: operation, actor, item id and details, oldest first."""
    with owner() as connection:
        rows = connection.execute(
            "select operation, actor, item_id, details from audit_log where organization_id = %s order by at",
            [organization],
        ).fetchall()
    return [(row["operation"], row["actor"], row["item_id"], row["details"]) for row in rows]


THE_ORGANIZATION: LiteralString = "select from organizations where id = %s for update"
THE_PERSON: LiteralString = "select from users where id = %s for update"


def send_concurrently(lock: LiteralString, of: UUID, *requests: Callable[[], httpx.Response]) -> list[int]:
    """Send requests concurrently and return their statuses. All wait for a lock on this row before one
    proceeds.
    """
    with owner() as connection, ThreadPoolExecutor(len(requests)) as threads:
        connection.execute(lock, [of])
        answers = [threads.submit(send) for send in requests]
        until = time.monotonic() + 5
        while not (waited := count_waiting(connection) >= len(requests)) and time.monotonic() < until:
            time.sleep(0.01)
        connection.commit()
        assert waited, "not all requests reached the lock"
        return [answer.result().status_code for answer in answers]


def count_waiting(connection: psycopg.Connection[dict[str, Any]]) -> int:
    """The number of backends that wait, directly or not, for a lock of this connection.

    pg_locks is read because pg_stat_activity does not change within a transaction.
    """
    counted = connection.execute(
        """
        with recursive blocked (pid) as (
          select pg_backend_pid()
          union
          select l.pid
            from pg_locks l
            join blocked on blocked.pid = any (pg_blocking_pids(l.pid))
           where not l.granted
        )
        select count(*) - 1 as n from blocked
        """
    ).fetchone()
    assert counted is not None
    return int(counted["n"])


def rejected(status: int, code: str, sentence: str, *details: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"error": sentence, "code": code, "message": sentence}
    if details:
        body["details"] = [{"path": path.split("."), "message": message} for path, message in details]
    return status, body
