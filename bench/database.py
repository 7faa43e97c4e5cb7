"""A temporary database for the benchmarks of the library."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tests.given.stack import cluster, database
from vitrine import db, migrations
from vitrine.settings import settings

MIGRATIONS = Path(__file__).parent.parent / "migrations"


@contextmanager
def temporary_database() -> Generator[psycopg.Connection[Any]]:
    """Create a database with our tables, and yield its owner's connection. Remove the database afterwards.

    Meanwhile the library of this process uses the database, with its usual roles.
    """
    with cluster() as server, database(server) as owner_url:
        migrations.apply(owner_url, MIGRATIONS, app_password="a", worker_password="w")
        for variable, role, password in (
            ("DATABASE_URL", "vitrine_app", "a"),
            ("WORKER_DATABASE_URL", "vitrine_worker", "w"),
        ):
            os.environ[variable] = make_conninfo(owner_url, user=role, password=password)
        settings.cache_clear()
        try:
            with psycopg.connect(owner_url, autocommit=True) as owner:
                yield owner
        finally:
            db.close()
