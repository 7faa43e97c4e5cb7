"""Applies the numbered SQL of a folder, once each, in order, as the owner."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

LOCK = 0x76697472696E65  # any number all migrations agree on: "vitrine"


def apply(
    owner_url: str, folder: Path, *, app_password: str | None = None, worker_password: str | None = None
) -> list[str]:
    """Every migration of the folder has been applied; the names of those that were new.

    Each runs in a transaction of its own; two runs at once do the work once. The roles vitrine_app and
    vitrine_worker get the passwords
    where one is given. Raises FileNotFoundError when the folder has no migration, and RuntimeError when a
    migration that was applied has changed
    since.
    """
    files = sorted(folder.glob("[0-9]*.sql"))
    if not files:  # or a deployment without its files would look like one that is up to date
        raise FileNotFoundError(f"There is no migration in {folder}")
    applied: list[str] = []
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LOCK])
        connection.execute("set client_min_messages = warning")
        connection.execute(
            "create table if not exists applied_migrations (name text primary key, sha256 text not null, at timestamptz not null default now())"
        )
        known: dict[str, str] = dict(
            connection.execute("select name, sha256 from applied_migrations").fetchall()
        )
        for file in files:
            text = file.read_bytes()
            digest = hashlib.sha256(text).hexdigest()
            if file.name in known:
                if known[file.name] != digest:
                    raise RuntimeError(
                        f"{file.name} was applied and has changed since; add a new migration instead"
                    )
                continue
            with connection.transaction():
                connection.execute(text)
                connection.execute(
                    "insert into applied_migrations (name, sha256) values (%s, %s)", [file.name, digest]
                )
            applied.append(file.name)
        for role, password in (("vitrine_app", app_password), ("vitrine_worker", worker_password)):
            if password is not None:
                connection.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(password))
                )
    return applied
