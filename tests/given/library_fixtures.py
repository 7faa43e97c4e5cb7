"""Fixtures of the library's tests: a database of this process, and an organization per test.

The tests fold ledgers step by step and compare rows, which the jobs of a running stack would disturb.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from local.postgres import drop_database
from tests.given.library import Organization
from vitrine import db, migrations
from vitrine.library import organizations
from vitrine.models.people import Caller
from vitrine.settings import settings

ALONE = "postgresql://postgres:postgres@127.0.0.1:5499/postgres"  # where no stack runs and no server is named
MIGRATIONS = Path(__file__).parents[2] / "migrations"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The owner's URL of a database that only this process uses. Meanwhile the settings name it."""
    server = os.environ.get("OWNER_DATABASE_URL") or os.environ.get("TEST_DATABASE_URL", ALONE)
    name = f"test_library_{uuid4().hex[:12]}"
    owner = make_conninfo(server, dbname=name)
    # Roles belong to the cluster, whose running stack, if there is one, keeps its passwords.
    passwords = {} if "OWNER_DATABASE_URL" in os.environ else {"app_password": "a", "worker_password": "w"}
    with psycopg.connect(server, autocommit=True) as connection:
        # of two simultaneous changes of a role, one fails
        connection.execute("select pg_advisory_lock(hashtextextended('test_library', 0))")
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        migrations.apply(owner, MIGRATIONS, **passwords)
    patch = pytest.MonkeyPatch()
    patch.setenv("DB_POOL_SIZE", "8")
    for variable, role, password in (
        ("DATABASE_URL", "vitrine_app", "a"),
        ("WORKER_DATABASE_URL", "vitrine_worker", "w"),
    ):
        running = (
            os.environ[variable] if not passwords else make_conninfo(server, user=role, password=password)
        )
        patch.setenv(variable, make_conninfo(running, dbname=name))
    db.close()
    settings.cache_clear()
    yield owner
    db.close()
    patch.undo()
    settings.cache_clear()
    drop_database(server, name)


@pytest.fixture(scope="module")
def make_organization(database: str) -> Callable[[], Organization]:
    def make() -> Organization:
        word = uuid4().hex
        made = organizations.create(
            email=f"{word}@example.org", person="An Owner", name="A Team", slug=word, collection="Default"
        )
        caller = Caller(
            made.user_id,
            f"{word}@example.org",
            "An Owner",
            None,
            None,
            made.organization_id,
            "A Team",
            "owner",
        )
        return Organization(caller, made.collection_id, database)

    return make


@pytest.fixture
def organization(make_organization: Callable[[], Organization]) -> Organization:
    return make_organization()


@pytest.fixture
def neighbour(make_organization: Callable[[], Organization]) -> Organization:
    """Another tenant."""
    return make_organization()
