"""Applies the numbered SQL files of a folder, once each, in order, as the owner of the database."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

LOCK = 0x76697472696E65  # any number that all migrations agree on: "vitrine"

# Databases from before v0.1.0 have another, longer history. Its last state is upgraded once: a file of its
# own runs instead of the files of the tables, and the files of the functions then run as in a new database.
UNRELEASED_FIRST, UNRELEASED_LAST = "0001_tables.sql", "0027_accounts.sql"
UPGRADE, UPGRADED_UNTIL = "upgrade_unreleased.sql", "0007"


def apply(
    owner_url: str, folder: Path, *, app_password: str | None = None, worker_password: str | None = None
) -> list[str]:
    """Apply every migration of the folder that the database does not have yet; return their file names.

    Each runs in a transaction of its own. Of two simultaneous calls, one waits for the other and then finds
    nothing to do. The roles vitrine_app and vitrine_worker get the passwords where they are given.

    Raises FileNotFoundError when the folder has no migration, and RuntimeError when a migration that was
    applied has changed since, or the database comes from an unreleased version that cannot be upgraded.
    """
    files = sorted(folder.glob("[0-9]*.sql"))
    if not files:  # or a deployment without its files would look like one that is up to date
        raise FileNotFoundError(f"There is no migration in {folder}")
    applied: list[str] = []
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LOCK])
        connection.execute("set client_min_messages = warning")
        connection.execute(
            """
            create table if not exists applied_migrations (
              name   text        primary key,
              sha256 text        not null,
              at     timestamptz not null default now()
            )
            """
        )
        known = _known(connection)
        if UNRELEASED_FIRST in known and (folder / UPGRADE).is_file():
            _upgrade_unreleased(connection, folder / UPGRADE, files, known)
            applied.append(UPGRADE)
            known = _known(connection)
        for file in files:
            if file.name in known:
                if known[file.name] != _digest(file):
                    raise RuntimeError(
                        f"{file.name} was applied and has changed since; add a new migration instead"
                    )
                continue
            with connection.transaction():
                connection.execute(file.read_bytes())
                _record(connection, file)
            applied.append(file.name)
        for role, password in (("vitrine_app", app_password), ("vitrine_worker", worker_password)):
            if password is not None:
                connection.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
                )
    return applied


def _upgrade_unreleased(
    connection: psycopg.Connection[Any], upgrade: Path, files: list[Path], known: dict[str, str]
) -> None:
    if UNRELEASED_LAST not in known:
        raise RuntimeError(
            f"This database comes from an unreleased version, whose migrations end at {max(known)}:"
            " start commit 5a4559e on it once, which completes them"
        )
    with connection.transaction():
        connection.execute(upgrade.read_bytes())
        connection.execute("delete from applied_migrations")
        for file in files:
            if file.name < UPGRADED_UNTIL:
                _record(connection, file)


def _known(connection: psycopg.Connection[Any]) -> dict[str, str]:
    return dict(connection.execute("select name, sha256 from applied_migrations").fetchall())


def _record(connection: psycopg.Connection[Any], file: Path) -> None:
    connection.execute(
        "insert into applied_migrations (name, sha256) values (%s, %s)", [file.name, _digest(file)]
    )


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
