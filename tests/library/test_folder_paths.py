"""The paths of folders: kept by the unreleased migration that gave them a table, and checked by a rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.given.unreleased import unpack, unreleased_database
from vitrine import migrations
from vitrine.queries import invariants

MIGRATIONS = Path(__file__).parents[2] / "migrations"
THIS = "0017_folder_paths.sql"
RULE = "a folder's path is its parent's and its own id"

FOLDER = """
    insert into media (organization_id, id, collection_id, parent_id, type, path, status, deletion_id, name,
                       link_token, created_by)
    values (%(organization)s, %(id)s, %(collection)s, %(parent)s, 'folder', %(path)s::ltree,
            case when %(deletion)s::uuid is null then 'active' else 'deleted' end, %(deletion)s, 'n',
            repeat('t', 22), %(id)s)
"""
FILE = """
    with version as (
      insert into versions (organization_id, id, media_id, number, key, filename, mime_type, size_bytes,
                            stored_bytes, created_by)
      values (%(organization)s, %(id)s, %(id)s, 1, %(id)s::text, 'n', 'image/jpeg', 1, 1, %(id)s)
    )
    insert into media (organization_id, id, collection_id, parent_id, type, name, link_token,
                       active_version_id, processing, created_by)
    values (%(organization)s, %(id)s, %(collection)s, %(parent)s, 'image', 'n', repeat('t', 22), %(id)s,
            'pending', %(id)s)
"""


@pytest.fixture
def before(tmp_path: Path) -> Iterator[str]:
    """The owner's URL of a database as it was before that migration."""
    with unreleased_database(tmp_path / "before", before=THIS) as url:
        yield url


def test_every_folder_keeps_its_path_and_no_file_has_one(before: str, tmp_path: Path) -> None:
    with psycopg.connect(before, autocommit=True) as owner:
        written = fill(owner) | fill(owner)

        migrations.apply(before, unpack(tmp_path / "all"))
        migrations.apply(before, MIGRATIONS)

        kept: dict[UUID, str] = dict(
            owner.execute("select folder_id, path::text from folder_paths").fetchall()
        )
        assert (len(kept), kept, wrong(owner)) == (2 * 34, written, set())
        assert owner.execute("select count(*) from media").fetchone() == (2 * 36,)

        # The rule that reports nothing here reports wrong, missing and needless paths.
        moved, gone, *_ = [folder for folder, path in kept.items() if path.count(".") == 32]
        file = owner.execute("select organization_id, id from media where type = 'image' limit 1").fetchall()[
            0
        ]
        owner.execute("update folder_paths set path = subpath(path, 1) where folder_id = %s", [moved])
        owner.execute("delete from folder_paths where folder_id = %s", [gone])
        owner.execute(
            "insert into folder_paths (organization_id, folder_id, path) values (%s, %s, 'a.b')", file
        )
        assert wrong(owner) == {moved, gone, file[1]}


def fill(owner: psycopg.Connection[Any]) -> dict[UUID, str]:
    """Insert a tenant with folders of the greatest depth, two more in the trash, a file in the first and one
    at the root. Returns the paths of its folders.
    """
    organization, collection, deletion = uuid4(), uuid4(), uuid4()
    owner.execute(
        "insert into organizations (id, name, slug) values (%s, 'T', %s)", [organization, organization.hex]
    )
    owner.execute(
        "insert into collections (organization_id, id, name, created_by) values (%s, %s, 'C', %s)",
        [organization, collection, uuid4()],
    )
    owner.execute(
        "insert into deletions (organization_id, id, kind, root_id, actor, item_count) "
        "values (%s, %s, 'folder', %s, %s, 0)",
        [organization, deletion, uuid4(), uuid4()],
    )

    paths: dict[UUID, str] = {}

    def chain(parent: UUID | None, length: int, deleted_by: UUID | None) -> None:
        for _ in range(length):
            folder = uuid4()
            paths[folder] = f"{paths[parent] if parent else collection.hex}.{folder.hex}"
            owner.execute(
                FOLDER,
                {
                    "organization": organization,
                    "collection": collection,
                    "id": folder,
                    "parent": parent,
                    "path": paths[folder],
                    "deletion": deleted_by,
                },
            )
            parent = folder

    chain(None, 32, None)
    first = next(iter(paths))
    chain(first, 2, deletion)
    for place in (first, None):
        owner.execute(
            FILE, {"organization": organization, "collection": collection, "id": uuid4(), "parent": place}
        )
    return paths


def wrong(owner: psycopg.Connection[Any]) -> set[UUID]:
    statement = invariants.broken(RULE, None)
    return {UUID(item) for item, _ in owner.execute(statement.sql, statement.values).fetchall()}
