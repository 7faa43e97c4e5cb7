"""Every listed query finds its rows by an index, in the role of its caller, in a library of 20,000 files
beside another of the same size.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.given.library import Organization
from vitrine import queries
from vitrine.db import Statement
from vitrine.models.duplicates import FileToCheck
from vitrine.models.media import Description, DescriptionChanges, MediaType
from vitrine.models.people import Caller
from vitrine.models.places import FolderPath
from vitrine.models.tags import SluggedTag, Tag
from vitrine.models.uploads import Stored, Upload
from vitrine.queries import (
    browse,
    bulk,
    collections,
    counts,
    deletions,
    devices,
    duplicates,
    expired,
    externals,
    files,
    folders,
    frames,
    ledger,
    likenesses,
    links,
    media,
    members,
    objects,
    outbox,
    people,
    processing,
    purges,
    reprocessing,
    sessions,
    tags,
    team_tags,
    trash,
    uploads,
    usage,
    versions,
)

pytest_plugins = ["tests.given.library_fixtures"]

FILES = 20_000
FOLDERS = 20
INNER = 1_000  # empty folders in one of these: enough that an index on their paths pays
LARGE = {  # the tables that grow with the media
    "media",
    "folder_paths",
    "versions",
    "frames",
    "objects",
    "storage_ledger",
    "media_tags",
    "uploads",
    "perceptual_hashes",
    "likenesses",
}
# Modules whose statements call definer functions, find a row by its key, or read all organizations.
UNLISTED = {
    "idempotency",
    "identity",
    "invariants",
    "job_runs",
    "keys",
    "operators",
    "organizations",
    "unfolded",
}
MODULES: tuple[ModuleType, ...] = tuple(
    import_module(f"vitrine.queries.{module.name}")
    for module in pkgutil.iter_modules(queries.__path__)
    if module.name not in UNLISTED
)


@dataclass(frozen=True)
class Library:
    """A filled organization, and ids of it for the queries."""

    owner_url: str
    organization: UUID
    collection: UUID
    folder: UUID
    item: UUID
    deletion: UUID
    tag: UUID  # of twenty files


# For this database alone: to check 20,000 rows takes a minute, because the statistics of the referenced
# tables say that they are empty.
DROP_FOREIGN_KEYS = """
do $$
declare
  needless record;
begin
  for needless in select conrelid::regclass as of, conname from pg_constraint where contype = 'f' loop
    execute format('alter table %s drop constraint %I', needless.of, needless.conname);
  end loop;
end $$
"""
NOW = datetime(2026, 1, 2, tzinfo=UTC)
LABEL = tags.Label("color", "red")
A_TAG = SluggedTag(
    uuid4(),
    "tags",
    "Red",
    is_active=True,
    slug="red",
    description=None,
    icon=None,
    color=None,
    order=0,
    created_at=NOW,
    updated_at=NOW,
)
A_CALLER = Caller(uuid4(), "a@example.org", "A", None, None, uuid4(), "A team", "editor")
STORED = Stored("k", 1, "e", None, "image/jpeg")


def a_thousand_ids(lib: Library) -> list[UUID]:
    """The ids of a file and a folder, and 998 ids that nothing has."""
    return [lib.item, lib.folder, *(uuid4() for _ in range(998))]


def new_upload(lib: Library) -> Upload:
    """An upload that has no row yet."""
    return Upload.new(
        replace(A_CALLER, organization_id=lib.organization),
        upload_id=uuid4(),
        key="k",
        method="multipart",
        collection_id=lib.collection,
        version_id=uuid4(),
        name="n",
        filename="n",
        mime_type="image/jpeg",
        reserved_bytes=0,
        now=NOW,
        expires_at=NOW,
        deadline=NOW,
    )


def matching(
    lib: Library,
    *,
    search: str = "",
    tag_ids: list[UUID] | None = None,
    tag_slugs: list[str] | None = None,
    type: MediaType | None = None,
    order_by: files.Order = "createdAt",
) -> Statement[files.Match]:
    return files.matching(
        lib.organization,
        search=search,
        tag_ids=tag_ids,
        tag_slugs=tag_slugs,
        type=type,
        order_by=order_by,
        descending=True,
        limit=20,
        offset=0,
    )


def new_external(lib: Library) -> externals.External:
    """A file at a URL that has no row yet."""
    return externals.External(
        lib.organization,
        uuid4(),
        lib.collection,
        uuid4(),
        None,
        "image",
        "https://example.org/a.jpg",
        "n",
        "n",
        "image/jpeg",
        1,
        None,
        None,
        None,
        None,
        None,
        "t" * 22,
        "ready",
    )


def a_deletion(lib: Library) -> purges.Due:
    return purges.Due(lib.organization, lib.deletion, "collection", uuid4(), "purging")


# The statements, by the function's name and, after a comma, what is special about the values.
LISTED: dict[str, Callable[[Library], Statement[Any]]] = {
    "browse.page": lambda lib: browse.page(lib.organization, lib.collection, None, limit=51),
    "browse.page, far": lambda lib: browse.page(
        lib.organization, lib.collection, None, limit=51, offset=5000
    ),
    "browse.page, of a type": lambda lib: browse.page(lib.organization, lib.folder, "video", limit=51),
    "browse.page_after": lambda lib: browse.page_after(
        lib.organization, lib.collection, None, NOW, uuid4(), limit=51
    ),
    "browse.page_after, of a type": lambda lib: browse.page_after(
        lib.organization, lib.collection, "image", NOW, uuid4(), limit=51
    ),
    "browse.total": lambda lib: browse.total(
        lib.organization, lib.collection, ["image", "video", "pdf", "folder"]
    ),
    "bulk.lock_collections": lambda lib: bulk.lock_collections(lib.organization, a_thousand_ids(lib)),
    "bulk.lock_collections_shared": lambda lib: bulk.lock_collections_shared(
        lib.organization, a_thousand_ids(lib)
    ),
    "bulk.lock_to_delete": lambda lib: bulk.lock_to_delete(lib.organization, a_thousand_ids(lib)),
    "bulk.lock": lambda lib: bulk.lock(lib.organization, a_thousand_ids(lib)),
    "bulk.mark": lambda lib: bulk.mark(lib.organization, lib.deletion, a_thousand_ids(lib), uuid4()),
    "bulk.set_root": lambda lib: bulk.set_root(
        lib.organization, lib.deletion, bulk.MarkedItem(lib.folder, is_folder=True)
    ),
    "bulk.insert_roots": lambda lib: bulk.insert_roots(lib.organization, lib.deletion, a_thousand_ids(lib)),
    "bulk.lock_deletions": lambda lib: bulk.lock_deletions(lib.organization, a_thousand_ids(lib)),
    "bulk.get_deletions": lambda lib: bulk.get_deletions(lib.organization, a_thousand_ids(lib)),
    "bulk.get_depths": lambda lib: bulk.get_depths([lib.folder]),
    "bulk.count_move": lambda lib: bulk.count_move(lib.organization, a_thousand_ids(lib), lib.folder),
    "bulk.set_folder": lambda lib: bulk.set_folder(
        lib.organization, a_thousand_ids(lib), lib.folder, uuid4()
    ),
    "bulk.reroot": lambda lib: bulk.reroot(lib.organization, [lib.folder], FolderPath(UUID(int=0))),
    "bulk.count_tags": lambda lib: bulk.count_tags(lib.organization, a_thousand_ids(lib), LABEL),
    "bulk.attach_tag": lambda lib: bulk.attach_tag(lib.organization, a_thousand_ids(lib), LABEL, uuid4()),
    "bulk.detach_tags": lambda lib: bulk.detach_tags(lib.organization, a_thousand_ids(lib), "color", None),
    "bulk.touch": lambda lib: bulk.touch(lib.organization, a_thousand_ids(lib), uuid4()),
    "collections.list_active": lambda lib: collections.list_active(lib.organization),
    "collections.get": lambda lib: collections.get(lib.organization, lib.collection),
    "collections.get_default": lambda lib: collections.get_default(lib.organization),
    "collections.insert": lambda lib: collections.insert(lib.organization, uuid4(), "C", None, uuid4()),
    "collections.lock_for_insert": lambda lib: collections.lock_for_insert(lib.organization, lib.collection),
    "collections.lock_for_change": lambda lib: collections.lock_for_change(lib.organization, lib.item),
    "collections.lock": lambda lib: collections.lock(lib.organization, lib.collection),
    "collections.lock_in_any_state": lambda lib: collections.lock_in_any_state(
        lib.organization, lib.collection
    ),
    "collections.update": lambda lib: collections.update(
        lib.organization, lib.collection, "C", None, uuid4()
    ),
    "collections.mark": lambda lib: collections.mark(lib.organization, lib.deletion, lib.collection, uuid4()),
    "collections.unmark": lambda lib: collections.unmark(lib.organization, lib.collection, uuid4()),
    "purges.due": lambda _: purges.due(NOW, None, 1),
    "purges.lock": lambda lib: purges.lock(a_deletion(lib)),
    "purges.waits_for_others": lambda lib: purges.waits_for_others(a_deletion(lib)),
    "purges.lock_files": lambda lib: purges.lock_files(a_deletion(lib), 100),
    "purges.lock_version": lambda lib: purges.lock_version(a_deletion(lib)),
    "purges.delete_version": lambda lib: purges.delete_version(a_deletion(lib)),
    "purges.mark_deleting": lambda lib: purges.mark_deleting(a_deletion(lib), [lib.item]),
    "purges.reject_uploads": lambda lib: purges.reject_uploads(a_deletion(lib), [lib.item], "why"),
    "purges.delete_items": lambda lib: purges.delete_items(a_deletion(lib), [lib.item]),
    "purges.marked_objects": lambda lib: purges.marked_objects(a_deletion(lib), 100),
    "purges.lock_folders": lambda lib: purges.lock_folders(a_deletion(lib), 100),
    "purges.delete_uploads": lambda lib: purges.delete_uploads(a_deletion(lib), 100),
    "purges.delete_collection": lambda lib: purges.delete_collection(a_deletion(lib)),
    "reprocessing.lock": lambda lib: reprocessing.lock(lib.organization, lib.item),
    "reprocessing.lock_page, failed": lambda lib: reprocessing.lock_page(
        lib.organization, lib.collection, "failed", None, 1000
    ),
    "reprocessing.lock_page, all": lambda lib: reprocessing.lock_page(
        lib.organization, lib.collection, "all", lib.item, 1000
    ),
    "reprocessing.request": lambda lib: reprocessing.request(lib.organization, a_thousand_ids(lib), uuid4()),
    "reprocessing.request, one": lambda lib: reprocessing.request(lib.organization, [lib.item], uuid4()),
    "reprocessing.original": lambda lib: reprocessing.original(lib.organization, lib.item),
    "reprocessing.keep_frames": lambda lib: reprocessing.keep_frames(lib.organization, lib.item, "why"),
    "reprocessing.overdue": lambda _: reprocessing.overdue(NOW, uuid4(), 100),
    "reprocessing.count_resend": lambda lib: reprocessing.count_resend(
        reprocessing.OverdueRequest(lib.organization, lib.item, lib.item, uuid4(), "k")
    ),
    "externals.insert_media": lambda lib: externals.insert_media(new_external(lib)),
    "externals.insert": lambda lib: externals.insert(new_external(lib)),
    "externals.source": lambda lib: externals.source(lib.organization, lib.item),
    "externals.set_target": lambda lib: externals.set_target(
        lib.organization, uuid4(), uuid4(), "s", "image/jpeg"
    ),
    "externals.attach_object": lambda lib: externals.attach_object(new_upload(lib), STORED),
    "counts.entry": lambda lib: counts.entry(lib.organization, lib.collection, lib.folder, "image", 1),
    "counts.trash": lambda lib: counts.trash(lib.organization, lib.deletion),
    "counts.fold": lambda lib: counts.fold(1000),
    "devices.put": lambda _: devices.put(uuid4(), b"0" * 32, "ABCD2345", "a client", "", 60, 5),
    "devices.waiting": lambda _: devices.waiting("ABCD2345"),
    "devices.decide": lambda _: devices.decide("ABCD2345", uuid4(), uuid4(), "denied"),
    "devices.poll": lambda _: devices.poll(
        b"0" * 32, "a client", session=uuid4(), token_hash=b"0" * 32, life=60, address="", user_agent=""
    ),
    "folders.get_place": lambda lib: folders.get_place(lib.organization, lib.collection, lib.folder),
    "folders.list_chain": lambda lib: folders.list_chain(
        lib.organization, None, None, ["folder 7", "inner 3"]
    ),
    "folders.list_named": lambda lib: folders.list_named(lib.organization, lib.collection, "folder 7"),
    "folders.lock_name": lambda lib: folders.lock_name(lib.collection, "folder 7"),
    "folders.get_destination": lambda lib: folders.get_destination(lib.organization, lib.folder),
    "folders.get_depth": lambda lib: folders.get_depth(lib.folder),
    "folders.insert": lambda lib: folders.insert(
        lib.organization, FolderPath(lib.collection, (uuid4(),)), "F", "t" * 22, uuid4()
    ),
    "ledger.entry": lambda lib: ledger.entry(
        lib.organization, lib.item, lib.item, 1, 1, "original", "active", "upload", "e"
    ),
    "ledger.trash": lambda lib: ledger.trash(lib.organization, lib.deletion),
    "ledger.purge": lambda lib: ledger.purge(lib.organization, lib.deletion, [lib.item]),
    "ledger.fold": lambda lib: ledger.fold(1000),
    "media.get": lambda lib: media.get(lib.organization, lib.item),
    "media.get_without_counts": lambda lib: media.get_without_counts(lib.organization, lib.item),
    "files.page": lambda lib: files.page(
        lib.organization, None, "createdAt", descending=True, limit=20, offset=0
    ),
    "files.page, ascending": lambda lib: files.page(
        lib.organization, None, "createdAt", descending=False, limit=20, offset=0
    ),
    "files.page, far": lambda lib: files.page(
        lib.organization, None, "createdAt", descending=True, limit=20, offset=5000
    ),
    "files.page, by filename": lambda lib: files.page(
        lib.organization, None, "filename", descending=False, limit=20, offset=0
    ),
    "files.page, by filename, descending": lambda lib: files.page(
        lib.organization, "image", "filename", descending=True, limit=20, offset=0
    ),
    "files.page, by size": lambda lib: files.page(
        lib.organization, None, "fileSize", descending=False, limit=20, offset=0
    ),
    "files.page, by size, descending": lambda lib: files.page(
        lib.organization, None, "fileSize", descending=True, limit=20, offset=0
    ),
    "files.total": lambda lib: files.total(lib.organization, ["image", "video", "pdf"]),
    "files.page, far, of a type": lambda lib: files.page(
        lib.organization, "video", "createdAt", descending=True, limit=20, offset=1000
    ),
    "files.matching, searched": lambda lib: matching(lib, search="holiday 77"),
    "files.matching, tagged": lambda lib: matching(lib, tag_ids=[lib.tag]),
    "files.matching, tagged by slug": lambda lib: matching(
        lib, tag_slugs=["rare"], type="video", order_by="filename"
    ),
    "files.matching, all": lambda lib: matching(
        lib, search="x", tag_ids=[lib.tag], tag_slugs=["rare"], order_by="fileSize"
    ),
    "duplicates.find": lambda lib: duplicates.find(
        lib.organization, [FileToCheck("file 1", 1, b"0" * 32)] * 1000, 5
    ),
    "likenesses.lock_collection": lambda lib: likenesses.lock_collection(lib.collection),
    "likenesses.delete": lambda lib: likenesses.delete(lib.organization, lib.item),
    "likenesses.insert": lambda lib: likenesses.insert(lib.organization, lib.item),
    "likenesses.insert_nearest": lambda lib: likenesses.insert_nearest(lib.organization, lib.item, 50),
    "likenesses.list_exact": lambda lib: likenesses.list_exact(
        lib.organization, lib.collection, after=b"", groups=11, group_size=50
    ),
    "likenesses.list_near": lambda lib: likenesses.list_near(
        lib.organization, lib.collection, distance=8, after=uuid4(), groups=11, group_size=50
    ),
    "likenesses.list_identical": lambda lib: likenesses.list_identical(lib.organization, lib.item, 10),
    "media.change_description": lambda lib: media.change_description(
        lib.organization, lib.item, DescriptionChanges(alt="A"), uuid4()
    ),
    "media.lock": lambda lib: media.lock(lib.organization, lib.item),
    "trash.lock_below": lambda lib: trash.lock_below(lib.organization, [lib.folder], 200_000),
    "trash.lock_below, of several": lambda lib: trash.lock_below(
        lib.organization, [lib.folder], 25_000, but=a_thousand_ids(lib)
    ),
    "media.lock_place": lambda lib: media.lock_place(lib.organization, lib.item),
    "media.set_folder": lambda lib: media.set_folder(lib.organization, lib.item, lib.folder, uuid4()),
    "media.rename": lambda lib: media.rename(lib.organization, lib.item, "another", uuid4()),
    "media.replace_description": lambda lib: media.replace_description(
        lib.organization, lib.item, Description(None, None, None, {}, {}), uuid4()
    ),
    "trash.insert_deletion": lambda lib: trash.insert_deletion(
        lib.organization, uuid4(), "media", lib.item, uuid4(), 30
    ),
    "trash.mark": lambda lib: trash.mark(lib.organization, lib.deletion, lib.item, uuid4()),
    "trash.mark_below": lambda lib: trash.mark_below(lib.organization, lib.deletion, [lib.folder], uuid4()),
    "trash.lock_collection_items": lambda lib: trash.lock_collection_items(lib.organization, uuid4(), 25_001),
    "trash.mark_collection_items": lambda lib: trash.mark_collection_items(
        lib.organization, lib.deletion, uuid4(), uuid4()
    ),
    "trash.mark_versions": lambda lib: trash.mark_versions(lib.organization, lib.deletion),
    "trash.count_deletion": lambda lib: trash.count_deletion(lib.organization, lib.deletion),
    "counts.restore": lambda lib: counts.restore(lib.organization, [lib.deletion]),
    "ledger.restore": lambda lib: ledger.restore(lib.organization, [lib.deletion]),
    "folders.reroot": lambda lib: folders.reroot(lib.organization, lib.folder, FolderPath(lib.collection)),
    "deletions.lock": lambda lib: deletions.lock(lib.organization, lib.item),
    "deletions.roots": lambda lib: deletions.roots(lib.organization, [lib.deletion]),
    "deletions.restore_place": lambda lib: deletions.restore_place(
        lib.organization, lib.item, [lib.deletion]
    ),
    "deletions.set_parent": lambda lib: deletions.set_parent(lib.organization, lib.item, None),
    "deletions.lock_items": lambda lib: deletions.lock_items(lib.organization, [lib.deletion]),
    "deletions.end_if_empty": lambda lib: deletions.end_if_empty(lib.organization, lib.item),
    "deletions.unmark": lambda lib: deletions.unmark(lib.organization, [lib.deletion], uuid4()),
    "deletions.set_state": lambda lib: deletions.set_state(lib.organization, [lib.deletion], "restored"),
    "deletions.in_trash": lambda lib: deletions.in_trash(lib.organization, before=None, limit=51),
    "deletions.in_trash, further": lambda lib: deletions.in_trash(
        lib.organization, before=(NOW, uuid4()), limit=51
    ),
    "members.organizations_of": lambda _: members.organizations_of(uuid4(), 1000),
    "members.create_organization": lambda _: members.create_organization(
        uuid4(), uuid4(), None, uuid4(), "N", ["n"], uuid4(), "C", 20
    ),
    "members.select_organization": lambda lib: members.select_organization(
        uuid4(), uuid4(), lib.organization
    ),
    "members.accept_invitation": lambda _: members.accept_invitation(uuid4(), uuid4(), b"t" * 32),
    "members.page": lambda lib: members.page(lib.organization, limit=100, offset=0),
    "members.total": lambda lib: members.total(lib.organization),
    "members.one": lambda lib: members.one(lib.organization, email="a@example.org"),
    "members.rename_organization": lambda lib: members.rename_organization(
        uuid4(), lib.organization, uuid4(), "N", None
    ),
    "members.membership": lambda lib: members.membership(lib.organization, uuid4()),
    "members.add": lambda lib: members.add(uuid4(), lib.organization, uuid4(), "a@example.org", "viewer"),
    "members.change_role": lambda lib: members.change_role(
        uuid4(), lib.organization, uuid4(), uuid4(), "viewer"
    ),
    "members.remove": lambda lib: members.remove(uuid4(), lib.organization, uuid4(), uuid4()),
    "members.invitations": lambda lib: members.invitations(lib.organization, 1000),
    "members.invitation": lambda lib: members.invitation(lib.organization, uuid4()),
    "members.invite": lambda lib: members.invite(
        uuid4(), lib.organization, uuid4(), uuid4(), "a@example.org", "viewer", b"t" * 32, 60, 100
    ),
    "members.cancel_invitation": lambda lib: members.cancel_invitation(
        uuid4(), lib.organization, uuid4(), uuid4()
    ),
    "usage.read": lambda lib: usage.read(lib.organization),
    "links.target": lambda lib: links.target(lib.item, "t" * 22),
    "objects.plan": lambda lib: objects.plan(
        lib.organization, "k", "original", version=lib.item, upload=None
    ),
    "objects.mark_live": lambda lib: objects.mark_live(lib.organization, STORED),
    "objects.mark_deleting": lambda lib: objects.mark_deleting(lib.organization, ["k", "l"], "why"),
    "objects.mark_version_deleting": lambda lib: objects.mark_version_deleting(
        lib.organization, lib.item, "why"
    ),
    "objects.get": lambda lib: objects.get(lib.organization, "k"),
    "objects.drop": lambda lib: objects.drop(lib.organization, "k", NOW),
    "objects.unfinished": lambda _: objects.unfinished("planned", NOW, "", 100),
    "objects.retired": lambda _: objects.retired(NOW, "", 100),
    "objects.retire": lambda lib: objects.retire(lib.organization, lib.item, 2, seconds=60),
    "objects.mark_retired_deleting": lambda lib: objects.mark_retired_deleting(
        lib.organization, ["derived/x"], NOW
    ),
    "outbox.insert": lambda lib: outbox.insert(lib.organization, uuid4(), "q", {}, "e"),
    "outbox.unsent": lambda _: outbox.unsent(None, 100),
    "outbox.mark_sent": lambda _: outbox.mark_sent([uuid4()]),
    "tags.insert_missing": lambda lib: tags.insert_missing(
        lib.organization, [tags.TagToInsert(uuid4(), LABEL, None, None)], uuid4()
    ),
    "tags.detach_others": lambda lib: tags.detach_others(lib.organization, lib.item, [LABEL]),
    "tags.attach": lambda lib: tags.attach(lib.organization, lib.item, [LABEL], uuid4()),
    "tags.detach": lambda lib: tags.detach(
        lib.organization, lib.item, [Tag(uuid4(), "color", "red", is_active=True)]
    ),
    "tags.touch": lambda lib: tags.touch(lib.organization, lib.item, uuid4()),
    "tags.list_of_item": lambda lib: tags.list_of_item(lib.organization, lib.item),
    "tags.list_hidden": lambda lib: tags.list_hidden(lib.organization, [LABEL]),
    "tags.list_of_collection": lambda lib: tags.list_of_collection(lib.organization, lib.collection, 5000),
    "team_tags.list_visible": lambda lib: team_tags.list_visible(lib.organization, 5000),
    "team_tags.list_of_item": lambda lib: team_tags.list_of_item(lib.organization, lib.item),
    "team_tags.lock_shared": lambda lib: team_tags.lock_shared(lib.organization, [uuid4(), uuid4()]),
    "team_tags.lock": lambda lib: team_tags.lock(lib.organization, uuid4()),
    "team_tags.lock_named": lambda lib: team_tags.lock_named(lib.organization, "Red"),
    "team_tags.lock_name": lambda lib: team_tags.lock_name(lib.organization, "red"),
    "team_tags.list_similar": lambda lib: team_tags.list_similar(lib.organization, "red", "red"),
    "team_tags.insert": lambda lib: team_tags.insert(lib.organization, uuid4(), "Red", "red", "red", uuid4()),
    "team_tags.update": lambda lib: team_tags.update(lib.organization, A_TAG, "red"),
    "team_tags.delete": lambda lib: team_tags.delete(lib.organization, uuid4()),
    "team_tags.attach": lambda lib: team_tags.attach(lib.organization, lib.item, [uuid4()], uuid4()),
    "uploads.insert": lambda lib: uploads.insert(new_upload(lib)),
    "uploads.by_id": lambda lib: uploads.by_id(lib.organization, uuid4()),
    "uploads.by_version": lambda lib: uploads.by_version(lib.organization, lib.item),
    "uploads.by_key": lambda lib: uploads.by_key(lib.organization, "k"),
    "uploads.lock": lambda lib: uploads.lock(lib.organization, uuid4()),
    "uploads.locate": lambda _: uploads.locate("k"),
    "uploads.set_store_upload": lambda lib: uploads.set_store_upload(lib.organization, uuid4(), "s"),
    "uploads.sign": lambda lib: uploads.sign(lib.organization, uuid4(), 1, 60, A_CALLER),
    "uploads.set_landed_bytes": lambda lib: uploads.set_landed_bytes(lib.organization, uuid4(), 1),
    "uploads.lease": lambda lib: uploads.lease(lib.organization, uuid4(), "multipart", uuid4(), 60, A_CALLER),
    "uploads.release": lambda lib: uploads.release(lib.organization, uuid4(), uuid4()),
    "uploads.end_lease": lambda lib: uploads.end_lease(lib.organization, uuid4(), NOW),
    "uploads.abort": lambda lib: uploads.abort(lib.organization, uuid4()),
    "uploads.lock_open": lambda lib: uploads.lock_open(lib.organization, uuid4()),
    "uploads.abort_in": lambda lib: uploads.abort_in(lib.organization, uuid4()),
    "uploads.expire": lambda lib: uploads.expire(lib.organization, uuid4(), NOW),
    "uploads.set_state": lambda lib: uploads.set_state(lib.organization, uuid4(), "ready", None),
    "uploads.mark_processing": lambda lib: uploads.mark_processing(lib.organization, uuid4()),
    "uploads.destination": lambda lib: uploads.destination(lib.organization, lib.collection, lib.folder),
    "uploads.lock_quota": lambda lib: uploads.lock_quota(lib.organization),
    "uploads.rights": lambda lib: uploads.rights(lib.organization, uuid4()),
    "uploads.quota": lambda lib: uploads.quota(lib.organization, uuid4()),
    "uploads.overdue": lambda _: uploads.overdue(NOW, None, 100),
    "uploads.stalled": lambda _: uploads.stalled(NOW, None, 100),
    "uploads.count_resend": lambda lib: uploads.count_resend(lib.organization, uuid4()),
    "uploads.wanted_multiparts": lambda _: uploads.wanted_multiparts(["s"]),
    "versions.insert_media": lambda lib: versions.insert_media(
        new_upload(lib), STORED, parent=None, media_type="image", link_token="t" * 22
    ),
    "versions.insert": lambda lib: versions.insert(new_upload(lib), STORED, 1, "image"),
    "versions.next_number": lambda lib: versions.next_number(lib.organization, lib.item),
    "versions.lock_item_of": lambda lib: versions.lock_item_of(lib.organization, lib.item),
    "processing.put_type": lambda lib: processing.put_type(lib.organization, lib.item, "image"),
    "versions.select": lambda lib: versions.select(lib.organization, lib.item, lib.item),
    "versions.get_others": lambda lib: versions.get_others(lib.organization, lib.item),
    "versions.mark": lambda lib: versions.mark(lib.organization, uuid4(), lib.item),
    "versions.delete": lambda lib: versions.delete(lib.organization, lib.item),
    "versions.get_item": lambda lib: versions.get_item(lib.organization, lib.item),
    "versions.get": lambda lib: versions.get(lib.organization, lib.item),
    "versions.list_of_item": lambda lib: versions.list_of_item(lib.organization, lib.item),
    "processing.attempt": lambda lib: processing.attempt(lib.organization, lib.item),
    "versions.lock_item": lambda lib: versions.lock_item(lib.organization, lib.item),
    "frames.drop_frames": lambda lib: frames.drop_frames(lib.organization, lib.item, but=2),
    "versions.get_locked": lambda lib: versions.get_locked(lib.organization, lib.item),
    "processing.verify": lambda lib: processing.verify(lib.organization, lib.item, width=1, height=1),
    "processing.record": lambda lib: processing.record(
        lib.organization,
        lib.item,
        processing.Facts("image/jpeg", None, 1, 1),
        processing="ready",
        reason=None,
        generation=1,
    ),
    "processing.fail": lambda lib: processing.fail(lib.organization, lib.item, "why"),
    "versions.show_active": lambda lib: versions.show_active(lib.organization, lib.item),
    "frames.put_frame": lambda lib: frames.put_frame(
        lib.organization, lib.item, 1, frames.NewFrame(0, "k", "image/jpeg", 1, 1, "l", 1, 1), uuid4()
    ),
    "versions.delete_media": lambda lib: versions.delete_media(lib.organization, lib.item),
    # People
    "expired.sessions": lambda _: expired.sessions(NOW, None, 100, dry_run=False),
    "expired.device_codes": lambda _: expired.device_codes(NOW, None, 100, dry_run=False),
    "expired.api_keys": lambda _: expired.api_keys(NOW, None, 100, dry_run=False),
    "expired.rate_limits": lambda _: expired.rate_limits(NOW, 100, dry_run=False),
    "expired.idempotency_keys": lambda _: expired.idempotency_keys(NOW, 100, dry_run=False),
    "people.by_email": lambda _: people.by_email("a@b.c"),
    "people.by_id": lambda _: people.by_id(uuid4()),
    "people.insert": lambda _: people.insert(uuid4(), "a@b.c", "n", "h"),
    "people.replace_password": lambda _: people.replace_password(uuid4(), "h", "i"),
    "people.count_attempt": lambda _: people.count_attempt("h", "a", 1, 900),
    "sessions.put_by_password": lambda _: sessions.put_by_password(
        uuid4(), uuid4(), "h", b"0" * 32, 60, "", ""
    ),
    "sessions.put": lambda _: sessions.put(uuid4(), uuid4(), b"0" * 32, 60, "a", "u"),
    "sessions.current": lambda _: sessions.current([b"0" * 32]),
    "sessions.end": lambda _: sessions.end([b"0" * 32]),
    "sessions.end_others": lambda _: sessions.end_others(uuid4(), uuid4()),
}
BY_THE_WORKER = {
    "counts.fold",
    "ledger.fold",
    "objects.unfinished",
    "objects.retired",
    "outbox.unsent",
    "outbox.mark_sent",
    "uploads.overdue",
    "uploads.stalled",
    "expired.sessions",
    "expired.device_codes",
    "expired.api_keys",
    "expired.rate_limits",
    "expired.idempotency_keys",
    "uploads.wanted_multiparts",
    "ledger.purge",
    "reprocessing.overdue",
    "reprocessing.count_resend",
    *(name for name in LISTED if name.startswith("purges.")),
}
INDEX_ALONE = {
    "browse.page": "media_newest",
    "browse.page, far": "media_newest",
    "browse.page_after": "media_newest",
    "files.page": "media_files_newest",
    "files.page, ascending": "media_files_newest",
    "files.page, far": "media_files_newest",
    "files.page, far, of a type": "media_files_newest",
    "files.page, by filename": "media_files_by_filename",
    "files.page, by filename, descending": "media_files_by_filename",
    "files.page, by size": "media_files_by_size",
    "files.page, by size, descending": "media_files_by_size",
}


@pytest.fixture(scope="module")
def library(database: str, make_organization: Callable[[], Organization]) -> Library:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(DROP_FOREIGN_KEYS)
        [(searched,)] = owner.execute("select pg_get_indexdef('media_searched'::regclass)").fetchall()
        owner.execute("drop index media_searched")  # building it after the rows takes a tenth of the time
    fills = [fill(make_organization()) for _ in range(2)]
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(searched)
        owner.execute("vacuum analyze")  # the visibility map too: without it no scan is of the index alone
    return fills[0]


def test_every_query_of_these_modules_is_listed() -> None:
    listed = {name.split(",")[0] for name in LISTED}

    functions = {
        f"{module.__name__.rsplit('.', 1)[1]}.{name}"
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and str(inspect.signature(function).return_annotation).startswith("Statement[")
    }

    assert listed == functions, (
        f"LISTED in tests/library/test_library_plans.py lacks {sorted(functions - listed)}, "
        f"and names {sorted(listed - functions)}, which no module has"
    )


@pytest.mark.xdist_group("library_plans")  # one process fills one library
@pytest.mark.parametrize("name", LISTED)
def test_a_query_finds_its_rows_by_an_index(library: Library, name: str) -> None:
    nodes = list(plan(library, name))

    assert [
        node for node in nodes if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in LARGE
    ] == []
    if not name.startswith("files."):  # which walk an organization's files, in order
        assert [node for node in nodes if reads_the_whole_organization(node)] == []
    if name in INDEX_ALONE:
        assert ("Index Only Scan", INDEX_ALONE[name]) in [
            (node["Node Type"], node.get("Index Name")) for node in nodes
        ]


@pytest.mark.xdist_group("library_plans")
@pytest.mark.parametrize("search", ["file 7777", "7777", "files 777 7", "file 77777", "e 7777"])
def test_a_search_reads_its_results_and_little_else(library: Library, search: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as app:
        app.execute(
            "select set_config('vitrine.organizations', %s, true)", ["{" + str(library.organization) + "}"]
        )
        [(matches,)] = app.execute("select count(*) from matching_files(%s)", [search]).fetchall()
        # Rows that the function's plans read in this transaction; explain does not show them.
        [(whole, read)] = app.execute(
            "select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'media'"
        ).fetchall()

    assert whole == 0
    assert read <= 2 * matches + 100  # by words and by letters, and names that contain the letters elsewhere


def reads_the_whole_organization(node: dict[str, Any]) -> bool:
    """Whether an index scan compares the organization alone, or nothing: for a large tenant that is as slow
    as no index.
    """
    compared = set(
        re.findall(r"\(\(?(?:\w+\.)?(\w+)\)?(?:::\w+)? (?:[=<>@&|]|~~)", node.get("Index Cond", ""))
    )
    of_media = str(node.get("Index Name", "")).startswith(("media", "versions", "frames", "objects"))
    return of_media and compared <= {"organization_id"}


def plan(library: Library, name: str) -> Iterator[dict[str, Any]]:
    """The nodes of the plan."""
    statement = LISTED[name](library)
    with psycopg.connect(
        os.environ["WORKER_DATABASE_URL" if name in BY_THE_WORKER else "DATABASE_URL"], autocommit=False
    ) as role:
        role.execute(
            "select set_config('vitrine.organizations', %s, true)", ["{" + str(library.organization) + "}"]
        )
        answer = role.execute(b"explain (format json) " + statement.sql.encode(), statement.values).fetchall()
        role.rollback()
    waiting = [answer[0][0][0]["Plan"]]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.get("Plans", [])


def fill(organization: Organization) -> Library:
    """Fill the organization: half of the files at the root, the others in folders; with versions, frames,
    objects, tags and a ledger of which all but the last entries are folded.
    """
    deletion = uuid4()
    values: dict[str, object] = {
        "organization": organization.id,
        "collection": organization.collection_id,
        "user": organization.caller.user_id,
        "files": FILES,
        "folders": FOLDERS,
        "inner": INNER,
        "deletion": deletion,
        "tag": uuid4(),
    }
    with organization.sql() as owner:
        owner.execute(
            """
            insert into media (organization_id, id, collection_id, type, name, link_token, verified_at,
                               created_by)
            select %(organization)s, gen_random_uuid(), %(collection)s, 'folder', 'folder ' || n,
                   repeat('t', 22), now(), %(user)s
              from generate_series(1, %(folders)s) as n
            """,
            values,
        )
        owner.execute(
            """
            insert into media (organization_id, id, collection_id, parent_id, type, name, link_token,
                               active_version_id, filename, mime_type,
                               size_bytes, processing, verified_at, created_at, created_by)
            select %(organization)s, file.id, %(collection)s,
                   case when n %% 2 = 0 then folders.ids[1 + n / 2 %% %(folders)s] end,
                   case when n %% 10 = 0 then 'video' else 'image' end, 'file ' || n, repeat('t', 22),
                   file.id, 'file ' || n, 'image/jpeg', n, 'ready', case when n %% 1000 > 0 then now() end,
                   now() - make_interval(secs => n), %(user)s
              from (select n, gen_random_uuid() as id from generate_series(1, %(files)s) as n) as file,
                   (select array_agg(id) as ids from media
                     where organization_id = %(organization)s) as folders
            """,
            values,
        )
        owner.execute(
            """
            insert into media (organization_id, id, collection_id, parent_id, type, name, link_token,
                               verified_at, created_by)
            select organization_id, gen_random_uuid(), collection_id, id, 'folder', 'inner ' || n,
                   repeat('t', 22), now(), %(user)s
              from media, generate_series(1, %(inner)s) as n
             where organization_id = %(organization)s and name = 'folder 1'
            """,
            values,
        )
        owner.execute(
            """
            insert into folder_paths (organization_id, folder_id, path)
            select organization_id, id, replace(concat_ws('.', collection_id, parent_id, id), '-', '')::ltree
              from media where organization_id = %(organization)s and type = 'folder'
            """,
            values,
        )
        owner.execute(
            """
            insert into versions (organization_id, id, media_id, number, type, key, filename, mime_type,
                                  size_bytes, stored_bytes, created_by)
            select organization_id, id, id, 1, type, id::text, filename, mime_type, size_bytes, size_bytes,
                   created_by
              from media where organization_id = %(organization)s and type <> 'folder'
            """,
            values,
        )
        owner.execute(
            """
            insert into uploads (organization_id, id, user_id, collection_id, media_id, version_id, method,
                                 state, key, store_upload_id, name,
                                 filename, mime_type, reserved_bytes, expires_at, deadline)
            select organization_id, gen_random_uuid(), created_by, %(collection)s, id, id, 'multipart',
                   case size_bytes %% 1000 when 0 then 'uploading' when 1 then 'stored' else 'ready' end,
                   id::text, id::text, filename, filename, mime_type, 0, now(), now()
              from versions where organization_id = %(organization)s
            """,
            values,
        )
        owner.execute(
            """
            insert into frames (organization_id, id, version_id, ordinal, generation, key, mime_type, width,
                                height,
                                thumbnail_key, thumbnail_width, thumbnail_height)
            select organization_id, gen_random_uuid(), id, 0, 1, 'f', 'image/jpeg', 3, 2, 't', 3, 2
              from versions where organization_id = %(organization)s
            """,
            values,
        )
        owner.execute(
            """
            insert into objects (organization_id, key, kind, version_id, generation, bytes, etag, state)
            select organization_id, each.kind || id, each.kind, id, each.generation, 10, 'e', 'live'
              from versions, (values ('original', null), ('derived', 1)) as each (kind, generation)
                where organization_id = %(organization)s
            """,
            values,
        )
        owner.execute(
            """
            insert into storage_ledger (organization_id, media_id, version_id, delta_bytes, delta_count, kind,
                                        state, reason, event_key, folded)
            select organization_id, id, id, 10, 1, 'original', 'active', 'upload', id::text,
                   number = 1 and size_bytes > 100
              from versions where organization_id = %(organization)s
            """,
            values,
        )
        owner.execute(  # one in twenty in the collection of the queries
            """
            insert into perceptual_hashes (organization_id, version_id, media_id, collection_id, type, sha256,
                                           hash)
            select organization_id, id, id,
                   case when size_bytes %% 20 = 1 then %(collection)s else gen_random_uuid() end, 'image',
                   sha256(id::text::bytea), size_bytes
              from versions where organization_id = %(organization)s
            """,
            values,
        )
        owner.execute(
            """
            insert into likenesses (organization_id, version_id, earlier_id, collection_id, media_id,
                                    earlier_media_id, distance)
            select organization_id, id, earlier, %(collection)s, id, earlier, 4
              from (select organization_id, id, lag(id) over (order by id) as earlier from versions
                where organization_id = %(organization)s) as pair
             where earlier is not null
            """,
            values,
        )
        owner.execute(
            'insert into tags (organization_id, id, "group", name) '
            "values (%(organization)s, %(tag)s, 'color', 'red')",
            values,
        )
        owner.execute(
            """
            insert into media_tags (organization_id, media_id, tag_id)
            select organization_id, id, %(tag)s from versions where organization_id = %(organization)s
            """,
            values,
        )
        values["rare"] = rare = uuid4()
        owner.execute(
            'insert into tags (organization_id, id, "group", name, slug) '
            "values (%(organization)s, %(rare)s, 'tags', 'Rare', 'rare')",
            values,
        )
        owner.execute(
            """
            insert into media_tags (organization_id, media_id, tag_id)
            select organization_id, id,
                   %(rare)s from versions where organization_id = %(organization)s and size_bytes %% 1000 = 1
            """,
            values,
        )
        owner.execute(
            """
            insert into deletions (organization_id, id, kind, root_id, actor, item_count)
            values (%(organization)s, %(deletion)s, 'media', %(tag)s, %(user)s, 0)
            """,
            values,
        )
    folder, item = (
        UUID(
            str(
                organization.rows(
                    f"select id from media where organization_id = %s and type {which} 'folder' limit 1",
                    organization.id,
                )[0][0]
            )
        )
        for which in ("=", "<>")
    )
    return Library(
        organization.owner_url, organization.id, organization.collection_id, folder, item, deletion, rare
    )
