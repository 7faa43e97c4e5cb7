"""The schema: docs/schema.sql describes it, and it serves the statements of the previous release."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from tools.schema import FILE, describe
from tools.statements import Recorded, check, newest

if TYPE_CHECKING:
    from collections.abc import Iterable

pytest_plugins = ["tests.given.library_fixtures"]

URLS = {"vitrine_app": "DATABASE_URL", "vitrine_worker": "WORKER_DATABASE_URL"}


def test_the_schema_is_described_as_it_is(database: str) -> None:
    assert describe(database) == FILE.read_text(), "`make docs` writes docs/schema.sql anew"


@pytest.mark.usefixtures("database")
def test_the_statements_of_the_previous_release_still_run() -> None:
    statements = newest()

    assert len(statements) > 300
    assert rejected(statements) == []


@pytest.mark.usefixtures("database")
def test_a_statement_that_no_longer_fits_is_reported() -> None:
    statements = [
        Recorded("a dropped column", "select dropped from objects", (), ("vitrine_app",), reads=True),
        Recorded(
            "a dropped function",
            "select dropped($1)",
            ("text",),
            ("vitrine_worker",),
            reads=False,
        ),
        Recorded(
            "a revoked right", "delete from audit_log where id = $1", ("uuid",), ("vitrine_app",), reads=False
        ),
        Recorded("a value out of bounds", "select 1 / count(*) from media", (), ("vitrine_app",), reads=True),
    ]

    assert rejected(statements) == [
        ("a dropped column", "42703"),
        ("a dropped function", "42883"),
        ("a revoked right", "42501"),
        ("a value out of bounds", "22012"),
    ]


def rejected(statements: Iterable[Recorded]) -> list[tuple[str, str | None]]:
    """Names of the statements that a role of theirs can no longer plan or run, with the SQLSTATE."""
    found: list[tuple[str, str | None]] = []
    connections = {
        role: psycopg.connect(os.environ[variable], autocommit=True) for role, variable in URLS.items()
    }
    for statement in statements:
        for role in statement.roles:
            try:
                check(connections[role], statement, run=statement.reads)
            except psycopg.Error as error:
                found.append((statement.name, error.sqlstate))
    for connection in connections.values():
        connection.close()
    return found
