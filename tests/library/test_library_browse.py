"""Browsing one level of a collection: pages, order, totals, and paths that are no place."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.given.library import NOON, Organization
from vitrine.db import write
from vitrine.errors import ApiError, Invalid, NotFound
from vitrine.library import collections, folders, media
from vitrine.models.pages import Cursor, Page
from vitrine.models.people import Worker
from vitrine.queries import counts

pytest_plugins = ["tests.given.library_fixtures"]


def fold() -> None:
    while write(Worker(), counts.fold(100))[0].n:
        pass


def test_an_empty_collection_has_an_empty_page(organization: Organization) -> None:
    assert media.browse(organization.caller, organization.collection_id) == Page((), 0, None)


def test_a_level_shows_folders_and_files_together_newest_first_and_nothing_of_the_levels_below(
    organization: Organization,
) -> None:
    old = organization.file()
    folder = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    inside = organization.file(folder)
    newest = organization.file(at=folder.created_at + timedelta(seconds=1))

    root = media.browse(organization.caller, organization.collection_id)
    level = media.browse(organization.caller, organization.collection_id, path=str(folder.path))

    assert [item.id for item in root.items] == [newest, folder.id, old]
    assert root.total == 3
    collection = organization.collection_id.hex
    assert [str(item.path) for item in root.items] == [
        f"{collection}.{newest.hex}",
        f"{collection}.{folder.id.hex}",
        f"{collection}.{old.hex}",
    ]
    assert [(item.id, str(item.path)) for item in level.items] == [
        (inside, f"{collection}.{folder.id.hex}.{inside.hex}")
    ]
    assert (level.total, level.next) == (1, None)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_cursors_and_offsets_give_the_same_pages_with_ties(organization: Organization, size: int) -> None:
    # Three pairs and a single item: a page may end within a pair.
    items = [organization.file(at=NOON + timedelta(hours=hour // 2)) for hour in range(7)]
    expected = [
        found for _, found in sorted(((index // 2, item) for index, item in enumerate(items)), reverse=True)
    ]

    page = media.browse(organization.caller, organization.collection_id, limit=size)
    by_cursor: list[UUID] = [item.id for item in page.items]
    while page.next is not None and len(by_cursor) <= 7:
        page = media.browse(organization.caller, organization.collection_id, limit=size, cursor=page.next)
        by_cursor += [item.id for item in page.items]
    pages = [
        media.browse(organization.caller, organization.collection_id, limit=size, offset=offset)
        for offset in range(0, 7, size)
    ]

    assert by_cursor == expected
    assert [item.id for page in pages for item in page.items] == expected


def test_a_cursor_continues_at_its_place_after_newer_items_were_added(organization: Organization) -> None:
    items = [organization.file() for _ in range(4)]
    first = media.browse(organization.caller, organization.collection_id, limit=2)

    organization.file()
    second = media.browse(organization.caller, organization.collection_id, limit=2, cursor=first.next)

    assert [item.id for item in second.items] == [items[1], items[0]]
    assert second.total == 5


def test_an_offset_past_the_end_is_an_empty_page_with_the_same_total(organization: Organization) -> None:
    organization.file()

    assert media.browse(organization.caller, organization.collection_id, offset=5) == Page((), 1, None)


def test_totals_are_by_type_and_the_same_before_while_and_after_counts_are_folded(
    organization: Organization,
) -> None:
    def totals() -> dict[str, int]:
        return {
            "all": media.browse(organization.caller, organization.collection_id).total,
            "image": media.browse(organization.caller, organization.collection_id, type="image").total,
            "video": media.browse(organization.caller, organization.collection_id, type="video").total,
            "pdf": media.browse(organization.caller, organization.collection_id, type="pdf").total,
            "folder": media.browse(organization.caller, organization.collection_id, type="folder").total,
        }

    organization.file()
    gone = organization.file()
    organization.file(type="video")
    organization.file(verified=False)
    folder = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    organization.file(folder)
    before = totals()
    fold()
    folded = totals()
    media.delete(organization.caller, gone)
    organization.file(type="video")
    half = totals()
    fold()

    assert before == {"all": 5, "image": 3, "video": 1, "pdf": 0, "folder": 1}
    assert folded == before
    assert half == {"all": 5, "image": 2, "video": 2, "pdf": 0, "folder": 1}
    assert totals() == half


def test_a_type_filters_items_and_totals(organization: Organization) -> None:
    photo, film = organization.file(), organization.file(type="video")

    assert [
        item.id for item in media.browse(organization.caller, organization.collection_id, type="image").items
    ] == [photo]
    assert [
        item.id for item in media.browse(organization.caller, organization.collection_id, type="video").items
    ] == [film]
    assert media.browse(organization.caller, organization.collection_id, type="folder").items == ()


def test_the_last_id_of_a_path_decides_in_either_format(organization: Organization) -> None:
    folder = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    inside = organization.file(folder)

    for path in (
        str(folder.id),
        folder.id.hex.upper(),
        f"{uuid4().hex}.{folder.id.hex}",
        f"{organization.collection_id}.{folder.id}",
    ):
        assert [
            item.id for item in media.browse(organization.caller, organization.collection_id, path=path).items
        ] == [inside]
    root = media.browse(organization.caller, organization.collection_id, path=organization.collection_id.hex)
    assert [item.id for item in root.items] == [folder.id]


@pytest.mark.parametrize(
    ("where", "rejection"),
    [
        ("a file", Invalid),
        ("nonsense", Invalid),
        ("empty", Invalid),
        ("a gap", Invalid),
        ("too long", Invalid),
        ("unknown", NotFound),
        ("a deleted folder", NotFound),
        ("a deleted file", NotFound),
        ("another collection's folder", NotFound),
        ("another collection", NotFound),
        ("a neighbour's folder", NotFound),
    ],
)
def test_a_path_outside_the_collection_is_not_found(
    organization: Organization, neighbour: Organization, where: str, rejection: type[ApiError]
) -> None:
    other = collections.create(organization.caller, "Other", None)
    deleted = folders.create(
        organization.caller, organization.collection_id, "gone", path=None, reuse=False
    ).id
    deleted_file = organization.file()
    media.delete(organization.caller, deleted)
    media.delete(organization.caller, deleted_file)
    paths = {
        "a file": organization.file().hex,
        "nonsense": "nonsense",
        "empty": "",
        "a gap": f"{organization.collection_id.hex}..{deleted.hex}",
        "too long": ".".join([organization.collection_id.hex] * 34),
        "unknown": uuid4().hex,
        "a deleted folder": deleted.hex,
        "a deleted file": deleted_file.hex,
        "another collection's folder": folders.create(
            organization.caller, other.id, "elsewhere", path=None, reuse=False
        ).id.hex,
        "another collection": other.id.hex,
        "a neighbour's folder": folders.create(
            neighbour.caller, neighbour.collection_id, "theirs", path=None, reuse=False
        ).id.hex,
    }

    with pytest.raises(rejection):
        media.browse(organization.caller, organization.collection_id, path=paths[where])


@pytest.mark.parametrize("key", ["", "yesterday", "2026-01-01T12:00:00", "9" * 400])
def test_a_cursor_of_another_format_is_rejected(organization: Organization, key: str) -> None:
    with pytest.raises(Invalid):
        media.browse(organization.caller, organization.collection_id, cursor=Cursor(key, uuid4()))


def test_another_tenants_collection_and_an_unknown_one_are_not_found(
    organization: Organization, neighbour: Organization
) -> None:
    for collection in (neighbour.collection_id, uuid4()):
        with pytest.raises(NotFound):
            media.browse(organization.caller, collection)


def test_the_organizations_collections_are_listed_oldest_first(
    organization: Organization, neighbour: Organization
) -> None:
    made = [
        collections.create(organization.caller, name, icon)
        for name, icon in (("B", None), ("A", "🎞"), ("B", None))
    ]
    collections.create(neighbour.caller, "Theirs", None)

    listed = collections.list_active(organization.caller)

    assert listed[0].is_default
    assert listed[1:] == made
    assert [(each.name, each.icon, each.type, each.is_default) for each in made] == [
        ("B", None, "dataset", False),
        ("A", "🎞", "dataset", False),
        ("B", None, "dataset", False),
    ]
