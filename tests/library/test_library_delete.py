"""Deleting: one deletion moves an item and all its dependents to the trash, once, and the ledgers agree."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.given.library import Organization
from vitrine.db import read
from vitrine.errors import Conflict, NotFound
from vitrine.library import folders, media, usage
from vitrine.models.deletions import Deleted, Usage
from vitrine.models.places import Folder
from vitrine.queries import collections
from vitrine.settings import settings

pytest_plugins = ["tests.given.library_fixtures"]


def folder(organization: Organization, name: str, parent: Folder | None = None) -> Folder:
    return folders.create(
        organization.caller,
        organization.collection_id,
        name,
        path=parent.path if parent else None,
        reuse=False,
    )


def statuses(organization: Organization) -> dict[UUID, tuple[object, ...]]:
    rows = organization.rows(
        "select id, status, deletion_id, row_version, updated_by from media where organization_id = %s",
        organization.id,
    )
    return {UUID(str(item)): tuple(rest) for item, *rest in rows}


def ledger(organization: Organization, deletion: UUID) -> list[tuple[object, ...]]:
    return organization.rows(
        """
        select version_id, kind, state, delta_bytes, delta_count, reason, event_key
          from storage_ledger where organization_id = %s and event_key like 'delete:' || %s || ':%%'
            order by version_id, kind desc, state
        """,
        organization.id,
        str(deletion),
    )


def pair(deletion: UUID, version: UUID, kind: str, size: int, originals: int) -> list[tuple[object, ...]]:
    return [
        (
            version,
            kind,
            state,
            sign * size,
            sign * originals,
            "delete",
            f"delete:{deletion}:{version}:{kind}:{state}",
        )
        for state, sign in (("active", -1), ("trash", 1))
    ]


def test_a_deleted_file_goes_to_the_trash_with_its_bytes(organization: Organization) -> None:
    item, stays = organization.file(stored=1000, derived=(300, 20)), organization.file(stored=5, derived=())

    deleted = media.delete(organization.caller, item)

    assert deleted == Deleted(item, deleted.deletion_id, 1)
    assert statuses(organization) == {
        item: ("deleted", deleted.deletion_id, 2, organization.caller.user_id),
        stays: ("active", None, 1, None),
    }
    assert organization.rows(
        "select id, status, deletion_id from versions where organization_id = %s order by id", organization.id
    ) == [
        (item, "deleted", deleted.deletion_id),
        (stays, "active", None),
    ]
    assert organization.rows(
        "select id, kind, root_id, actor, purge_at - at, state, item_count from deletions "
        "where organization_id = %s",
        organization.id,
    ) == [(deleted.deletion_id, "media", item, organization.caller.user_id, timedelta(days=30), "trash", 1)]
    assert ledger(organization, deleted.deletion_id) == [
        *pair(deleted.deletion_id, item, "original", 1000, 1),
        *pair(deleted.deletion_id, item, "derived", 320, 0),
    ]
    assert usage.read(organization.caller) == Usage(
        active_bytes=5,
        trash_bytes=1320,
        original_bytes=1005,
        derived_bytes=320,
        active_count=1,
        trash_count=1,
        limit_bytes=None,
    )
    assert [item.id for item in media.browse(organization.caller, organization.collection_id).items] == [
        stays
    ]
    assert (
        media.browse(organization.caller, organization.collection_id).total
        == media.list_files(organization.caller).total
        == 1
    )
    with pytest.raises(NotFound):
        media.get(organization.caller, item)


def test_all_active_versions_are_deleted_and_counted_while_those_deleted_before_stay_with_their_deletion(
    organization: Organization,
) -> None:
    item, second, earlier = organization.file(stored=1000), uuid4(), uuid4()
    deletion = uuid4()
    with organization.sql() as sql:
        organization.version(sql, item, second, number=2, stored=50, derived=(7,))
        organization.version(sql, item, earlier, number=3, stored=60, derived=(8,))
        sql.execute(
            "insert into deletions (organization_id, id, kind, root_id, actor, item_count) "
            "values (%s, %s, 'version', %s, %s, 1)",
            [organization.id, deletion, earlier, organization.caller.user_id],
        )
        sql.execute(
            "update versions set status = 'deleted', deletion_id = %s where id = %s", [deletion, earlier]
        )
        sql.execute("update objects set state = 'deleting' where version_id = %s and bytes = 300", [item])

    deleted = media.delete(organization.caller, item)

    assert deleted.count == 2
    assert ledger(organization, deleted.deletion_id) == sorted(
        (
            *pair(deleted.deletion_id, item, "original", 1000, 1),
            *pair(deleted.deletion_id, item, "derived", 20, 0),
            *pair(deleted.deletion_id, second, "original", 50, 1),
            *pair(deleted.deletion_id, second, "derived", 7, 0),
        ),
        key=lambda row: str(row[0]),
    )
    assert organization.rows("select deletion_id from versions where id = %s", earlier) == [(deletion,)]


def test_a_deleted_folder_takes_all_below_it_and_nothing_beside_it(organization: Organization) -> None:
    top = folder(organization, "top")
    middle, beside = folder(organization, "middle", top), folder(organization, "beside")
    deep = folder(organization, "deep", middle)
    taken = [
        organization.file(top),
        organization.file(middle, type="video"),
        organization.file(deep),
        organization.file(deep, verified=False),
    ]
    stays = [organization.file(), organization.file(beside)]
    before = organization.file(deep)
    first = media.delete(organization.caller, before)

    deleted = media.delete(organization.caller, top.id)

    assert deleted == Deleted(top.id, deleted.deletion_id, 4)
    expected = {
        **dict.fromkeys(
            (top.id, middle.id, deep.id, *taken),
            ("deleted", deleted.deletion_id, 2, organization.caller.user_id),
        ),
        **dict.fromkeys((beside.id, *stays), ("active", None, 1, None)),
        before: ("deleted", first.deletion_id, 2, organization.caller.user_id),
    }
    assert statuses(organization) == expected
    assert organization.rows(
        "select kind, root_id, item_count from deletions where id = %s", deleted.deletion_id
    ) == [("folder", top.id, 4)]
    # 4 originals, and the derived objects of the 3 verified ones: two each
    assert len(ledger(organization, deleted.deletion_id)) == 14
    assert usage.read(organization.caller) == Usage(2640, 6280, 7000, 1920, 2, 5, None)
    assert organization.rows(
        "select sum(delta) from count_ledger where organization_id = %s and place_id = any(%s)",
        organization.id,
        [top.id, middle.id, deep.id],
    ) == [(0,)]
    assert media.browse(organization.caller, organization.collection_id).total == 2
    assert media.list_files(organization.caller).total == 2


def test_an_unverified_item_is_not_counted(organization: Organization) -> None:
    media.delete(organization.caller, organization.file(verified=False))

    assert media.browse(organization.caller, organization.collection_id).total == 0
    assert organization.rows("select * from count_ledger where organization_id = %s", organization.id) == []


def test_an_external_url_has_no_bytes_to_count(organization: Organization) -> None:
    item = organization.file(stored=1000, derived=())
    with organization.sql() as sql:
        sql.execute(
            "update versions set key = null, external_url = 'https://example.org/a.jpg', stored_bytes = 0 "
            "where id = %s",
            [item],
        )

    deleted = media.delete(organization.caller, item)

    assert (deleted.count, ledger(organization, deleted.deletion_id)) == (1, [])


def test_a_second_delete_is_not_found_and_changes_nothing(organization: Organization) -> None:
    top = folder(organization, "top")
    inside = organization.file(top)
    media.delete(organization.caller, top.id)
    before = (usage.read(organization.caller), statuses(organization))

    for item in (top.id, inside, uuid4()):
        with pytest.raises(NotFound):
            media.delete(organization.caller, item)

    assert (usage.read(organization.caller), statuses(organization)) == before
    assert organization.rows(
        "select count(*) from deletions where organization_id = %s", organization.id
    ) == [(1,)]


def test_of_simultaneous_deletes_one_succeeds(organization: Organization) -> None:
    items = [organization.file() for _ in range(5)]

    def delete(item: UUID) -> int:
        try:
            return media.delete(organization.caller, item).count
        except NotFound:
            return 0

    with ThreadPoolExecutor(2) as pool:
        for item in items:
            assert sorted(pool.map(delete, [item, item])) == [0, 1]
    assert usage.read(organization.caller) == Usage(0, 6600, 5000, 1600, 0, 5, None)


def test_a_folder_and_its_content_deleted_at_once_belong_to_one_deletion_each(
    organization: Organization,
) -> None:
    for _ in range(5):
        top = folder(organization, "top")
        inside = organization.file(folder(organization, "below", top))

        def delete(item: UUID) -> int:
            try:
                return media.delete(organization.caller, item).count
            except NotFound:
                return 0

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(delete, [top.id, inside])) == 1
    assert usage.read(organization.caller) == Usage(0, 6600, 5000, 1600, 0, 5, None)
    assert media.browse(organization.caller, organization.collection_id).total == 0


def test_no_item_is_created_under_a_folder_that_is_being_deleted(organization: Organization) -> None:
    for _ in range(5):
        top = folder(organization, "top")

        def create(below: Folder) -> UUID | None:
            try:
                return folder(organization, "new", below).id
            except NotFound:
                return None

        def delete(item: Folder) -> UUID:
            return media.delete(organization.caller, item.id).id

        with ThreadPoolExecutor(8) as pool:
            births = [pool.submit(create, top) for _ in range(4)]
            end = pool.submit(delete, top)
            births += [pool.submit(create, top) for _ in range(3)]
            end.result()
            inserted = [each.result() for each in births]

        for item in inserted:
            assert item is None or statuses(organization)[item][0] == "deleted"


def test_a_delete_waits_for_the_worker_that_has_locked_the_item_and_includes_its_bytes(
    organization: Organization,
) -> None:
    item = organization.file(stored=1000, derived=())

    def delete() -> Deleted:
        return media.delete(organization.caller, item)

    with ThreadPoolExecutor(1) as pool, psycopg.connect(organization.owner_url) as worker:
        worker.execute("select from media where id = %s for update", [item])
        deleting = pool.submit(delete)
        organization.waiting(1)
        worker.execute(
            """
            insert into objects (organization_id, key, kind, version_id, generation, bytes, etag, state)
            values (%s, %s, 'derived', %s, 1, 77, 'e', 'live')
            """,
            [organization.id, f"derived/{item}/late", item],
        )
        worker.execute(
            """
            insert into storage_ledger (organization_id, media_id, version_id, delta_bytes, delta_count, kind,
                                        state, reason, event_key)
            values (%s, %s, %s, 77, 0, 'derived', 'active', 'process', %s)
            """,
            [organization.id, item, item, f"process:{item}"],
        )
        worker.commit()
        deleting.result()

    assert usage.read(organization.caller) == Usage(0, 1077, 1000, 77, 0, 1, None)


def test_an_item_that_is_rejected_while_it_is_being_deleted_is_not_found(organization: Organization) -> None:
    item = organization.file(derived=(), verified=False)

    def delete() -> Deleted:
        return media.delete(organization.caller, item)

    with ThreadPoolExecutor(1) as pool, psycopg.connect(organization.owner_url) as worker:
        worker.execute("delete from media where id = %s", [item])
        deleting = pool.submit(delete)
        organization.waiting(1)
        worker.commit()
        with pytest.raises(NotFound):
            deleting.result()

    assert organization.rows("select * from deletions where organization_id = %s", organization.id) == []


def test_with_a_retention_of_zero_nothing_is_purged(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRASH_DAYS", "0")
    settings.cache_clear()
    try:
        deleted = media.delete(organization.caller, organization.file())
    finally:
        monkeypatch.undo()
        settings.cache_clear()

    assert organization.rows("select purge_at from deletions where id = %s", deleted.deletion_id) == [(None,)]


def test_a_deletion_beyond_the_limit_changes_nothing(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = folder(organization, "top")
    below = [organization.file(top) for _ in range(3)]

    monkeypatch.setattr(media, "MAX_DELETED_AT_ONCE", 3)
    with pytest.raises(Conflict, match="More than 3 items"):
        media.delete(organization.caller, top.id)
    assert {status for status, *_ in statuses(organization).values()} == {"active"}
    monkeypatch.setattr(media, "MAX_DELETED_AT_ONCE", 4)

    assert media.delete(organization.caller, top.id).count == len(below)


def test_items_of_a_deleted_collection_are_not_found(organization: Organization) -> None:
    item, deletion = organization.file(), uuid4()
    with organization.sql() as sql:
        sql.execute(
            "insert into deletions (organization_id, id, kind, root_id, actor, item_count) "
            "values (%s, %s, 'collection', %s, %s, 1)",
            [organization.id, deletion, organization.collection_id, organization.caller.user_id],
        )
        sql.execute(
            "update collections set is_default = false, status = 'deleted', deletion_id = %s where id = %s",
            [deletion, organization.collection_id],
        )

    for attempt in (media.get, media.delete, media.browse):
        with pytest.raises(NotFound):
            attempt(organization.caller, item if attempt is not media.browse else organization.collection_id)
    assert read(organization.caller, collections.list_active(organization.id)) == []
    assert media.list_files(organization.caller).total == 0
