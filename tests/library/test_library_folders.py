"""Folders: where they are created, how they may be named, and how deep they nest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.given.library import Organization
from vitrine.db import transaction
from vitrine.errors import ApiError, Invalid, NotFound
from vitrine.library import folders, media
from vitrine.models.places import MAX_FOLDER_DEPTH, Folder, FolderPath

pytest_plugins = ["tests.given.library_fixtures"]


def nested(organization: Organization, depth: int) -> Folder:
    folder: Folder | None = None
    for level in range(depth):
        folder = folders.create(
            organization.caller,
            organization.collection_id,
            str(level),
            path=folder.path if folder else None,
            reuse=False,
        )
    assert folder is not None
    return folder


def test_a_folder_is_created_in_its_parent_and_counted(organization: Organization) -> None:
    outer = folders.create(organization.caller, organization.collection_id, "2026", path=None, reuse=False)
    inner = folders.create(
        organization.caller, organization.collection_id, "a/b", path=outer.path, reuse=False
    )

    shown = media.get(organization.caller, inner.id)

    assert outer.path == FolderPath(organization.collection_id, (outer.id,))
    assert inner == Folder(
        inner.id,
        organization.collection_id,
        FolderPath(organization.collection_id, (outer.id, inner.id)),
        "a/b",
        "active",
        shown.created_at,
        organization.caller.user_id,
    )
    assert (shown.type, shown.path, shown.version.verified_at) == ("folder", inner.path, shown.created_at)
    assert (shown.version.processing, shown.version.id, shown.version.frames) == (None, None, ())
    assert (
        media.browse(
            organization.caller, organization.collection_id, path=str(outer.path), type="folder"
        ).total
        == 1
    )


def test_without_reuse_names_repeat_and_with_reuse_the_oldest_is_returned(organization: Organization) -> None:
    first = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    second = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=False)
    inner = folders.create(
        organization.caller, organization.collection_id, "trip", path=first.path, reuse=True
    )

    assert (
        folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=True)
        == first
    )
    assert (
        folders.create(organization.caller, organization.collection_id, "trip", path=first.path, reuse=True)
        == inner
    )
    assert len({first.id, second.id, inner.id}) == 3
    assert media.browse(organization.caller, organization.collection_id).total == 2


def test_a_deleted_folder_is_not_reused(organization: Organization) -> None:
    gone = folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=True)
    media.delete(organization.caller, gone.id)

    assert (
        folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=True).id
        != gone.id
    )


def test_twenty_simultaneous_requests_that_reuse_a_name_get_one_folder(organization: Organization) -> None:
    def create(_: int) -> Folder:
        return folders.create(organization.caller, organization.collection_id, "trip", path=None, reuse=True)

    with ThreadPoolExecutor(20) as pool, organization.sql() as gate:
        gate.execute("select from collections where id = %s for update", [organization.collection_id])
        creating = [pool.submit(create, n) for n in range(20)]
        organization.waiting(8)  # as many as there are connections: they start together
        gate.commit()
        made = [each.result() for each in creating]

    assert len(set(made)) == 1
    assert media.browse(organization.caller, organization.collection_id).total == 1


def test_folders_go_as_deep_as_the_limit_and_no_deeper(organization: Organization) -> None:
    deepest = nested(organization, MAX_FOLDER_DEPTH)

    with pytest.raises(Invalid, match=str(MAX_FOLDER_DEPTH)):
        folders.create(
            organization.caller, organization.collection_id, "one more", path=deepest.path, reuse=False
        )
    photo = organization.file(deepest)

    assert len(str(media.get(organization.caller, photo).path).split(".")) == MAX_FOLDER_DEPTH + 2
    level = media.browse(organization.caller, organization.collection_id, path=str(deepest.path))
    assert [item.id for item in level.items] == [photo]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("x", "x"), ("x" * 255, "x" * 255), ("🏔" * 255, "🏔" * 255), ("Cafe\u0301", "Café"), (" ", " ")],
)
def test_a_name_is_kept_in_its_composed_form(organization: Organization, name: str, kept: str) -> None:
    folder = folders.create(organization.caller, organization.collection_id, name, path=None, reuse=False)

    assert folder.name == kept
    assert (
        folders.create(organization.caller, organization.collection_id, name, path=None, reuse=True) == folder
    )


@pytest.mark.parametrize("name", ["", "x" * 256, "🏔" * 256, "nul\0", "half \ud83d"])
def test_an_invalid_name_is_rejected(organization: Organization, name: str) -> None:
    with pytest.raises(Invalid):
        folders.create(organization.caller, organization.collection_id, name, path=None, reuse=False)


@pytest.mark.parametrize(
    ("where", "rejection"),
    [
        ("a file", Invalid),
        ("unknown", NotFound),
        ("a deleted folder", NotFound),
        ("a neighbour's folder", NotFound),
        ("a neighbour's collection", NotFound),
    ],
)
@pytest.mark.parametrize("reuse", [False, True])
def test_a_folder_cannot_be_created_in_a_file_or_a_missing_place(
    organization: Organization, neighbour: Organization, where: str, rejection: type[ApiError], reuse: bool
) -> None:
    deleted = folders.create(organization.caller, organization.collection_id, "gone", path=None, reuse=False)
    media.delete(organization.caller, deleted.id)
    theirs = folders.create(neighbour.caller, neighbour.collection_id, "theirs", path=None, reuse=False)
    path, collection = {
        "a file": (
            FolderPath(organization.collection_id, (organization.file(),)),
            organization.collection_id,
        ),
        "unknown": (FolderPath(organization.collection_id, (uuid4(),)), organization.collection_id),
        "a deleted folder": (deleted.path, organization.collection_id),
        "a neighbour's folder": (theirs.path, organization.collection_id),
        "a neighbour's collection": (None, neighbour.collection_id),
    }[where]

    with pytest.raises(rejection):
        folders.create(organization.caller, collection, "new", path=path, reuse=reuse)


def test_a_path_resolves_to_the_root_or_to_its_last_folder(organization: Organization) -> None:
    folder = nested(organization, 3)

    def resolved(path: str) -> Folder:
        return transaction(
            organization.caller,
            lambda db: folders.resolve(db, organization.id, organization.collection_id, path),
        )

    root = resolved(str(organization.collection_id))
    assert (root.id, root.path, root.name) == (
        organization.collection_id,
        FolderPath(organization.collection_id),
        "Default",
    )
    assert resolved(str(folder.path)) == folder
    assert folders.parse(str(folder.path)) == folder.path
