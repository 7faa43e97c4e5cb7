"""Tenants for the tests of the library, which insert files with the rows that an upload leaves."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from vitrine.credentials import mint_id, mint_token
from vitrine.models.media import MediaType
from vitrine.models.people import Caller
from vitrine.models.places import Folder

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Organization:
    """A tenant with one owner and a default collection."""

    caller: Caller
    collection_id: UUID
    owner_url: str
    files: int = 0

    @property
    def id(self) -> UUID:
        return self.caller.organization_id

    def file(
        self,
        parent: Folder | None = None,
        *,
        name: str = "a.jpg",
        type: MediaType = "image",
        stored: int = 1000,
        derived: tuple[int, ...] = (300, 20),
        verified: bool = True,
        at: datetime | None = None,
    ) -> UUID:
        """Insert an item with one version and its objects, entered in ledger and counts as the worker does.

        Each item is a second younger than the one before.
        """
        self.files += 1
        at = at or NOON + timedelta(seconds=self.files)
        item = mint_id()
        with self.sql() as connection:
            connection.execute(
                """
                insert into media (organization_id, id, collection_id, parent_id, type, name, link_token,
                                   active_version_id, filename, mime_type,
                                   size_bytes, processing, verified_at, created_at, updated_at, created_by)
                values (%(organization)s, %(item)s, %(collection)s, %(parent)s, %(type)s, %(name)s, %(token)s,
                        %(item)s, %(name)s, 'image/jpeg',
                        %(stored)s, %(processing)s, %(verified_at)s, %(at)s, %(at)s, %(user)s)
                """,
                {
                    "organization": self.id,
                    "item": item,
                    "collection": self.collection_id,
                    "parent": parent.id if parent else None,
                    "type": type,
                    "name": name,
                    "token": mint_token(),
                    "stored": stored,
                    "processing": "ready" if verified else "pending",
                    "verified_at": at if verified else None,
                    "at": at,
                    "user": self.caller.user_id,
                },
            )
            self.version(connection, item, item, number=1, stored=stored, derived=derived if verified else ())
            if verified:
                connection.execute(
                    "insert into count_ledger (organization_id, collection_id, place_id, type, delta) "
                    "values (%s, %s, %s, %s, 1)",
                    [self.id, self.collection_id, parent.id if parent else self.collection_id, type],
                )
        return item

    def version(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        item: UUID,
        version: UUID,
        *,
        number: int,
        stored: int,
        derived: tuple[int, ...],
    ) -> None:
        connection.execute(
            """
            insert into versions (organization_id, id, media_id, number, type, key, filename, mime_type,
                                  size_bytes, stored_bytes, created_by)
            select %(organization)s, %(version)s, %(item)s, %(number)s, type, %(key)s, 'a.jpg', 'image/jpeg',
                   %(stored)s, %(stored)s, %(user)s
              from media where id = %(item)s
            """,
            {
                "organization": self.id,
                "version": version,
                "item": item,
                "number": number,
                "key": f"originals/{version}",
                "stored": stored,
                "user": self.caller.user_id,
            },
        )
        objects = [("original", stored, None), *(("derived", size, 1) for size in derived)]
        for number_of_object, (kind, size, generation) in enumerate(objects):
            connection.execute(
                """
                insert into objects (organization_id, key, kind, version_id, generation, bytes, etag, state)
                values (%s, %s, %s, %s, %s, %s, 'e', 'live')
                """,
                [self.id, f"{kind}/{version}/{number_of_object}", kind, version, generation, size],
            )
        for kind, size, originals in (("original", stored, 1), ("derived", sum(derived), 0)):
            if size:
                connection.execute(
                    """
                    insert into storage_ledger (organization_id, media_id, version_id, delta_bytes,
                                                delta_count, kind, state, reason, event_key)
                    values (%s, %s, %s, %s, %s, %s, 'active', 'upload', %s)
                    """,
                    [self.id, item, version, size, originals, kind, f"upload:{version}:{kind}"],
                )

    @contextmanager
    def sql(self) -> Generator[psycopg.Connection[tuple[object, ...]]]:
        """A transaction of the owner's, which bypasses row-level security."""
        with psycopg.connect(self.owner_url) as connection:
            yield connection

    def waiting(self, most: int) -> None:
        """Return once `most` connections of the application wait for a lock."""
        until = time.monotonic() + 10
        query = """
            select count(distinct activity.pid)
              from pg_stat_activity activity
              join pg_locks wanted on wanted.pid = activity.pid and not wanted.granted
             where activity.datname = current_database() and activity.usename = 'vitrine_app'
        """
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            while connection.execute(query).fetchall() != [(most,)]:
                assert time.monotonic() < until
                time.sleep(0.01)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self.sql() as connection:
            return connection.execute(query.encode(), values).fetchall()
