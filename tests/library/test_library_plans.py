"""Every listed query finds its rows by an index, in the role of its caller, in a library of 20,000 files
beside another of the same size.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.given.library import Organization
from vitrine.db import Statement
from vitrine.models.duplicates import Likeness
from vitrine.models.media import Description, MediaType, Said
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
    folders,
    ledger,
    likenesses,
    links,
    media,
    members,
    objects,
    outbox,
    people,
    purges,
    reprocessing,
    sessions,
    tags,
    team_tags,
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
MODULES: tuple[ModuleType, ...] = (
    browse,
    bulk,
    collections,
    counts,
    deletions,
    devices,
    duplicates,
    expired,
    externals,
    folders,
    ledger,
    likenesses,
    links,
    media,
    members,
    objects,
    outbox,
    people,
    purges,
    reprocessing,
    sessions,
    tags,
    team_tags,
    uploads,
    usage,
    versions,
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
SOME: Callable[[Library], list[UUID]] = lambda lib: [lib.item, lib.folder, *(uuid4() for _ in range(998))]  # noqa: E731 - a table of functions
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


def an_upload(lib: Library) -> Upload:
    return Upload(
        organization_id=lib.organization,
        id=uuid4(),
        user_id=uuid4(),
        collection_id=lib.collection,
        parent_id=None,
        source_media_id=None,
        media_id=uuid4(),
        version_id=uuid4(),
        method="multipart",
        state="created",
        reason=None,
        key="k",
        store_upload_id=None,
        name="n",
        filename="n",
        mime_type="image/jpeg",
        title=None,
        alt=None,
        caption=None,
        declared_bytes=None,
        reserved_bytes=0,
        landed_bytes=0,
        checksum_kind=None,
        checksum_value=None,
        part_bytes=None,
        signed_parts=0,
        lease_until=None,
        created_at=NOW,
        updated_at=NOW,
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
    order_by: media.Order = "createdAt",
) -> Statement[media.Match]:
    return media.files_matching(
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


def an_external(lib: Library) -> externals.External:
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
    "bulk.lock_collections": lambda lib: bulk.lock_collections(lib.organization, SOME(lib)),
    "bulk.keep_collections": lambda lib: bulk.keep_collections(lib.organization, SOME(lib)),
    "bulk.lock_to_delete": lambda lib: bulk.lock_to_delete(lib.organization, SOME(lib)),
    "bulk.lock": lambda lib: bulk.lock(lib.organization, SOME(lib)),
    "bulk.mark": lambda lib: bulk.mark(lib.organization, lib.deletion, SOME(lib), uuid4()),
    "bulk.be_of": lambda lib: bulk.be_of(
        lib.organization, lib.deletion, bulk.Marked(lib.folder, is_folder=True)
    ),
    "bulk.be_of_all": lambda lib: bulk.be_of_all(lib.organization, lib.deletion, SOME(lib)),
    "bulk.lock_deletions": lambda lib: bulk.lock_deletions(lib.organization, SOME(lib)),
    "bulk.took": lambda lib: bulk.took(lib.organization, SOME(lib)),
    "bulk.deepest": lambda lib: bulk.deepest([lib.folder]),
    "bulk.count_move": lambda lib: bulk.count_move(lib.organization, SOME(lib), lib.folder),
    "bulk.put_in": lambda lib: bulk.put_in(lib.organization, SOME(lib), lib.folder, uuid4()),
    "bulk.reroot": lambda lib: bulk.reroot(lib.organization, [lib.folder], "0" * 32),
    "bulk.tagged": lambda lib: bulk.tagged(lib.organization, SOME(lib), LABEL),
    "bulk.give": lambda lib: bulk.give(lib.organization, SOME(lib), LABEL, uuid4()),
    "bulk.take_away": lambda lib: bulk.take_away(lib.organization, SOME(lib), "color", None),
    "bulk.touch": lambda lib: bulk.touch(lib.organization, SOME(lib), uuid4()),
    "collections.active": lambda lib: collections.active(lib.organization),
    "collections.one": lambda lib: collections.one(lib.organization, lib.collection),
    "collections.default": lambda lib: collections.default(lib.organization),
    "collections.insert": lambda lib: collections.insert(lib.organization, uuid4(), "C", None, uuid4()),
    "collections.lock_for_insert": lambda lib: collections.lock_for_insert(lib.organization, lib.collection),
    "collections.lock_for_change": lambda lib: collections.lock_for_change(lib.organization, lib.item),
    "collections.lock": lambda lib: collections.lock(lib.organization, lib.collection),
    "collections.lock_any_state": lambda lib: collections.lock_any_state(lib.organization, lib.collection),
    "collections.change": lambda lib: collections.change(
        lib.organization, lib.collection, "C", None, uuid4()
    ),
    "collections.mark": lambda lib: collections.mark(lib.organization, lib.deletion, lib.collection, uuid4()),
    "collections.unmark": lambda lib: collections.unmark(lib.organization, lib.collection, uuid4()),
    "purges.due": lambda _: purges.due(NOW, None, 1),
    "purges.lock": lambda lib: purges.lock(a_deletion(lib)),
    "purges.waits": lambda lib: purges.waits(a_deletion(lib)),
    "purges.lock_files": lambda lib: purges.lock_files(a_deletion(lib), 100),
    "purges.lock_version": lambda lib: purges.lock_version(a_deletion(lib)),
    "purges.remove_version": lambda lib: purges.remove_version(a_deletion(lib)),
    "purges.mark_deleting": lambda lib: purges.mark_deleting(a_deletion(lib), [lib.item]),
    "purges.end_uploads": lambda lib: purges.end_uploads(a_deletion(lib), [lib.item], "why"),
    "purges.remove": lambda lib: purges.remove(a_deletion(lib), [lib.item]),
    "purges.marked": lambda lib: purges.marked(a_deletion(lib), 100),
    "purges.lock_folders": lambda lib: purges.lock_folders(a_deletion(lib), 100),
    "purges.forget_uploads": lambda lib: purges.forget_uploads(a_deletion(lib), 100),
    "purges.remove_collection": lambda lib: purges.remove_collection(a_deletion(lib)),
    "reprocessing.lock": lambda lib: reprocessing.lock(lib.organization, lib.item),
    "reprocessing.lock_page, failed": lambda lib: reprocessing.lock_page(
        lib.organization, lib.collection, "failed", None, 1000
    ),
    "reprocessing.lock_page, all": lambda lib: reprocessing.lock_page(
        lib.organization, lib.collection, "all", lib.item, 1000
    ),
    "reprocessing.ask": lambda lib: reprocessing.ask(lib.organization, SOME(lib), uuid4()),
    "reprocessing.ask, one": lambda lib: reprocessing.ask(lib.organization, [lib.item], uuid4()),
    "reprocessing.kept": lambda lib: reprocessing.kept(lib.organization, lib.item),
    "reprocessing.leave": lambda lib: reprocessing.leave(lib.organization, lib.item, "why"),
    "reprocessing.waiting": lambda _: reprocessing.waiting(NOW, uuid4(), 100),
    "reprocessing.resend": lambda lib: reprocessing.resend(
        reprocessing.Waiting(lib.organization, lib.item, lib.item, uuid4(), "k")
    ),
    "externals.insert_media": lambda lib: externals.insert_media(an_external(lib)),
    "externals.insert": lambda lib: externals.insert(an_external(lib)),
    "externals.source": lambda lib: externals.source(lib.organization, lib.item),
    "externals.claim": lambda lib: externals.claim(lib.organization, uuid4(), uuid4(), 60),
    "externals.lands": lambda lib: externals.lands(lib.organization, uuid4(), uuid4(), "s", "image/jpeg"),
    "externals.adopt": lambda lib: externals.adopt(an_upload(lib), STORED),
    "counts.entry": lambda lib: counts.entry(lib.organization, lib.collection, lib.folder, "image", 1),
    "counts.trash": lambda lib: counts.trash(lib.organization, lib.deletion),
    "counts.fold": lambda lib: counts.fold(1000),
    "devices.put": lambda _: devices.put(uuid4(), b"0" * 32, "ABCD2345", "a client", "", 60, 5),
    "devices.waiting": lambda _: devices.waiting("ABCD2345"),
    "devices.decide": lambda _: devices.decide("ABCD2345", uuid4(), uuid4(), "denied"),
    "devices.poll": lambda _: devices.poll(
        b"0" * 32, "a client", session=uuid4(), token_hash=b"0" * 32, life=60, address="", user_agent=""
    ),
    "folders.at": lambda lib: folders.at(lib.organization, lib.collection, lib.folder),
    "folders.chain": lambda lib: folders.chain(lib.organization, None, None, ["folder 7", "inner 3"]),
    "folders.named": lambda lib: folders.named(lib.organization, lib.collection, "folder 7"),
    "folders.queue_for_name": lambda lib: folders.queue_for_name(lib.collection, "folder 7"),
    "folders.destination": lambda lib: folders.destination(lib.organization, lib.folder),
    "folders.deepest": lambda lib: folders.deepest(lib.folder),
    "folders.insert": lambda lib: folders.insert(
        lib.organization, FolderPath(lib.collection, (uuid4(),)), "F", "t" * 22, uuid4()
    ),
    "ledger.entry": lambda lib: ledger.entry(
        lib.organization, lib.item, lib.item, 1, 1, "original", "active", "upload", "e"
    ),
    "ledger.trash": lambda lib: ledger.trash(lib.organization, lib.deletion),
    "ledger.purge": lambda lib: ledger.purge(lib.organization, lib.deletion, [lib.item]),
    "ledger.fold": lambda lib: ledger.fold(1000),
    "media.shown": lambda lib: media.shown(lib.organization, lib.item),
    "media.own": lambda lib: media.own(lib.organization, lib.item),
    "media.files": lambda lib: media.files(
        lib.organization, None, "createdAt", descending=True, limit=20, offset=0
    ),
    "media.files, ascending": lambda lib: media.files(
        lib.organization, None, "createdAt", descending=False, limit=20, offset=0
    ),
    "media.files, far": lambda lib: media.files(
        lib.organization, None, "createdAt", descending=True, limit=20, offset=5000
    ),
    "media.files, by filename": lambda lib: media.files(
        lib.organization, None, "filename", descending=False, limit=20, offset=0
    ),
    "media.files, by filename, descending": lambda lib: media.files(
        lib.organization, "image", "filename", descending=True, limit=20, offset=0
    ),
    "media.files, by size": lambda lib: media.files(
        lib.organization, None, "fileSize", descending=False, limit=20, offset=0
    ),
    "media.files, by size, descending": lambda lib: media.files(
        lib.organization, None, "fileSize", descending=True, limit=20, offset=0
    ),
    "media.files_total": lambda lib: media.files_total(lib.organization, ["image", "video", "pdf"]),
    "media.files, far, of a type": lambda lib: media.files(
        lib.organization, "video", "createdAt", descending=True, limit=20, offset=1000
    ),
    "media.files_matching, searched": lambda lib: matching(lib, search="holiday 77"),
    "media.files_matching, tagged": lambda lib: matching(lib, tag_ids=[lib.tag]),
    "media.files_matching, tagged by slug": lambda lib: matching(
        lib, tag_slugs=["rare"], type="video", order_by="filename"
    ),
    "media.files_matching, all": lambda lib: matching(
        lib, search="x", tag_ids=[lib.tag], tag_slugs=["rare"], order_by="fileSize"
    ),
    "duplicates.find": lambda lib: duplicates.find(
        lib.organization, [Likeness("file 1", 1, b"0" * 32)] * 1000, 5
    ),
    "likenesses.queue": lambda lib: likenesses.queue(lib.collection),
    "likenesses.forget": lambda lib: likenesses.forget(lib.organization, lib.item),
    "likenesses.put": lambda lib: likenesses.put(lib.organization, lib.item),
    "likenesses.relate": lambda lib: likenesses.relate(lib.organization, lib.item, 50),
    "likenesses.copies": lambda lib: likenesses.copies(
        lib.organization, lib.collection, after=b"", groups=11, most=50
    ),
    "likenesses.near": lambda lib: likenesses.near(
        lib.organization, lib.collection, distance=8, after=uuid4(), groups=11, most=50
    ),
    "likenesses.others": lambda lib: likenesses.others(lib.organization, lib.item, 10),
    "media.say": lambda lib: media.say(lib.organization, lib.item, Said(alt="A"), uuid4()),
    "media.lock": lambda lib: media.lock(lib.organization, lib.item),
    "media.lock_below": lambda lib: media.lock_below(lib.organization, [lib.folder], 200_000),
    "media.lock_below, of several": lambda lib: media.lock_below(
        lib.organization, [lib.folder], 25_000, but=SOME(lib)
    ),
    "media.lock_place": lambda lib: media.lock_place(lib.organization, lib.item),
    "media.put_in": lambda lib: media.put_in(lib.organization, lib.item, lib.folder, uuid4()),
    "media.rename": lambda lib: media.rename(lib.organization, lib.item, "another", uuid4()),
    "media.describe": lambda lib: media.describe(
        lib.organization, lib.item, Description(None, None, None, {}, {}), uuid4()
    ),
    "media.put_deletion": lambda lib: media.put_deletion(
        lib.organization, uuid4(), "media", lib.item, uuid4(), 30
    ),
    "media.mark": lambda lib: media.mark(lib.organization, lib.deletion, lib.item, uuid4()),
    "media.mark_below": lambda lib: media.mark_below(lib.organization, lib.deletion, [lib.folder], uuid4()),
    "media.lock_in": lambda lib: media.lock_in(lib.organization, uuid4(), 25_001),
    "media.mark_in": lambda lib: media.mark_in(lib.organization, lib.deletion, uuid4(), uuid4()),
    "media.mark_versions": lambda lib: media.mark_versions(lib.organization, lib.deletion),
    "media.count_deletion": lambda lib: media.count_deletion(lib.organization, lib.deletion),
    "counts.restore": lambda lib: counts.restore(lib.organization, [lib.deletion]),
    "ledger.restore": lambda lib: ledger.restore(lib.organization, [lib.deletion]),
    "folders.reroot": lambda lib: folders.reroot(lib.organization, lib.folder, lib.collection.hex),
    "deletions.lock": lambda lib: deletions.lock(lib.organization, lib.item),
    "deletions.roots": lambda lib: deletions.roots(lib.organization, [lib.deletion]),
    "deletions.place": lambda lib: deletions.place(lib.organization, lib.item, [lib.deletion]),
    "deletions.put_under": lambda lib: deletions.put_under(lib.organization, lib.item, None),
    "deletions.lock_items": lambda lib: deletions.lock_items(lib.organization, [lib.deletion]),
    "deletions.end_if_empty": lambda lib: deletions.end_if_empty(lib.organization, lib.item),
    "deletions.unmark": lambda lib: deletions.unmark(lib.organization, [lib.deletion], uuid4()),
    "deletions.become": lambda lib: deletions.become(lib.organization, [lib.deletion], "restored"),
    "deletions.in_trash": lambda lib: deletions.in_trash(lib.organization, before=None, limit=51),
    "deletions.in_trash, further": lambda lib: deletions.in_trash(
        lib.organization, before=(NOW, uuid4()), limit=51
    ),
    "members.organizations_of": lambda _: members.organizations_of(uuid4(), 1000),
    "members.found": lambda _: members.found(uuid4(), uuid4(), None, uuid4(), "N", ["n"], uuid4(), "C", 20),
    "members.choose": lambda lib: members.choose(uuid4(), uuid4(), lib.organization),
    "members.accept": lambda _: members.accept(uuid4(), uuid4(), b"t" * 32),
    "members.page": lambda lib: members.page(lib.organization, limit=100, offset=0),
    "members.total": lambda lib: members.total(lib.organization),
    "members.one": lambda lib: members.one(lib.organization, email="a@example.org"),
    "members.rename": lambda lib: members.rename(uuid4(), lib.organization, uuid4(), "N", None),
    "members.own": lambda lib: members.own(lib.organization, uuid4()),
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
    "members.cancel": lambda lib: members.cancel(uuid4(), lib.organization, uuid4(), uuid4()),
    "usage.read": lambda lib: usage.read(lib.organization),
    "links.target": lambda lib: links.target(lib.item, "t" * 22),
    "objects.plan": lambda lib: objects.plan(
        lib.organization, "k", "original", version=lib.item, upload=None
    ),
    "objects.live": lambda lib: objects.live(lib.organization, STORED),
    "objects.mark_deleting": lambda lib: objects.mark_deleting(lib.organization, ["k", "l"], "why"),
    "objects.mark_version_deleting": lambda lib: objects.mark_version_deleting(
        lib.organization, lib.item, "why"
    ),
    "objects.at": lambda lib: objects.at(lib.organization, "k"),
    "objects.drop": lambda lib: objects.drop(lib.organization, "k", NOW),
    "objects.unfinished": lambda _: objects.unfinished("planned", NOW, "", 100),
    "objects.retired": lambda _: objects.retired(NOW, "", 100),
    "objects.retire": lambda lib: objects.retire(lib.organization, lib.item, 2, seconds=60),
    "objects.mark_retired_deleting": lambda lib: objects.mark_retired_deleting(
        lib.organization, ["derived/x"], NOW
    ),
    "outbox.put": lambda lib: outbox.put(lib.organization, uuid4(), "q", {}, "e"),
    "outbox.unsent": lambda _: outbox.unsent(None, 100),
    "outbox.sent": lambda _: outbox.sent([uuid4()]),
    "tags.put": lambda lib: tags.put(lib.organization, [tags.New(uuid4(), LABEL, None, None)], uuid4()),
    "tags.take": lambda lib: tags.take(lib.organization, lib.item, [LABEL]),
    "tags.give": lambda lib: tags.give(lib.organization, lib.item, [LABEL], uuid4()),
    "tags.take_away": lambda lib: tags.take_away(
        lib.organization, lib.item, [Tag(uuid4(), "color", "red", is_active=True)]
    ),
    "tags.touch": lambda lib: tags.touch(lib.organization, lib.item, uuid4()),
    "tags.of_item": lambda lib: tags.of_item(lib.organization, lib.item),
    "tags.hidden": lambda lib: tags.hidden(lib.organization, [LABEL]),
    "tags.of_collection": lambda lib: tags.of_collection(lib.organization, lib.collection, 5000),
    "team_tags.shown": lambda lib: team_tags.shown(lib.organization, 5000),
    "team_tags.of_item": lambda lib: team_tags.of_item(lib.organization, lib.item),
    "team_tags.keep": lambda lib: team_tags.keep(lib.organization, [uuid4(), uuid4()]),
    "team_tags.lock": lambda lib: team_tags.lock(lib.organization, uuid4()),
    "team_tags.lock_named": lambda lib: team_tags.lock_named(lib.organization, "Red"),
    "team_tags.queue_for_name": lambda lib: team_tags.queue_for_name(lib.organization, "red"),
    "team_tags.alike": lambda lib: team_tags.alike(lib.organization, "red", "red"),
    "team_tags.put": lambda lib: team_tags.put(lib.organization, uuid4(), "Red", "red", "red", uuid4()),
    "team_tags.change": lambda lib: team_tags.change(lib.organization, A_TAG, "red"),
    "team_tags.drop": lambda lib: team_tags.drop(lib.organization, uuid4()),
    "team_tags.give": lambda lib: team_tags.give(lib.organization, lib.item, [uuid4()], uuid4()),
    "uploads.insert": lambda lib: uploads.insert(an_upload(lib)),
    "uploads.by_id": lambda lib: uploads.by_id(lib.organization, uuid4()),
    "uploads.by_version": lambda lib: uploads.by_version(lib.organization, lib.item),
    "uploads.by_key": lambda lib: uploads.by_key(lib.organization, "k"),
    "uploads.lock": lambda lib: uploads.lock(lib.organization, uuid4()),
    "uploads.whose": lambda _: uploads.whose("k"),
    "uploads.opened": lambda lib: uploads.opened(lib.organization, uuid4(), "s"),
    "uploads.sign": lambda lib: uploads.sign(lib.organization, uuid4(), 1, 60, A_CALLER),
    "uploads.landed": lambda lib: uploads.landed(lib.organization, uuid4(), 1),
    "uploads.lease": lambda lib: uploads.lease(lib.organization, uuid4(), uuid4(), 60, A_CALLER),
    "uploads.release": lambda lib: uploads.release(lib.organization, uuid4(), uuid4()),
    "uploads.lapse": lambda lib: uploads.lapse(lib.organization, uuid4(), NOW),
    "uploads.abort": lambda lib: uploads.abort(lib.organization, uuid4()),
    "uploads.lock_open": lambda lib: uploads.lock_open(lib.organization, uuid4()),
    "uploads.abort_in": lambda lib: uploads.abort_in(lib.organization, uuid4()),
    "uploads.expire": lambda lib: uploads.expire(lib.organization, uuid4(), NOW),
    "uploads.become": lambda lib: uploads.become(lib.organization, uuid4(), "ready", None),
    "uploads.working": lambda lib: uploads.working(lib.organization, uuid4()),
    "uploads.birthplace": lambda lib: uploads.birthplace(lib.organization, lib.collection, lib.folder),
    "uploads.queue_for_quota": lambda lib: uploads.queue_for_quota(lib.organization),
    "uploads.rights": lambda lib: uploads.rights(lib.organization, uuid4()),
    "uploads.quota": lambda lib: uploads.quota(lib.organization, uuid4()),
    "uploads.lapsing": lambda _: uploads.lapsing(NOW, None, 100),
    "uploads.standing_still": lambda _: uploads.standing_still(NOW, None, 100),
    "uploads.resend": lambda lib: uploads.resend(lib.organization, uuid4()),
    "uploads.of_multiparts": lambda _: uploads.of_multiparts(["s"]),
    "versions.insert_media": lambda lib: versions.insert_media(
        an_upload(lib), STORED, parent=None, media_type="image", link_token="t" * 22
    ),
    "versions.insert": lambda lib: versions.insert(an_upload(lib), STORED, 1, "image"),
    "versions.take_number": lambda lib: versions.take_number(lib.organization, lib.item),
    "versions.lock_family": lambda lib: versions.lock_family(lib.organization, lib.item),
    "versions.put_type": lambda lib: versions.put_type(lib.organization, lib.item, "image"),
    "versions.select": lambda lib: versions.select(lib.organization, lib.item, lib.item),
    "versions.others": lambda lib: versions.others(lib.organization, lib.item),
    "versions.mark": lambda lib: versions.mark(lib.organization, uuid4(), lib.item),
    "versions.delete": lambda lib: versions.delete(lib.organization, lib.item),
    "versions.family": lambda lib: versions.family(lib.organization, lib.item),
    "versions.shown": lambda lib: versions.shown(lib.organization, lib.item),
    "versions.of_item": lambda lib: versions.of_item(lib.organization, lib.item),
    "versions.attempt": lambda lib: versions.attempt(lib.organization, lib.item),
    "versions.lock_item": lambda lib: versions.lock_item(lib.organization, lib.item),
    "versions.drop_frames": lambda lib: versions.drop_frames(lib.organization, lib.item, but=2),
    "versions.locked": lambda lib: versions.locked(lib.organization, lib.item),
    "versions.verify": lambda lib: versions.verify(lib.organization, lib.item, width=1, height=1),
    "versions.record": lambda lib: versions.record(
        lib.organization,
        lib.item,
        versions.Facts("image/jpeg", None, 1, 1),
        processing="ready",
        reason=None,
        generation=1,
    ),
    "versions.fail": lambda lib: versions.fail(lib.organization, lib.item, "why"),
    "versions.show_active": lambda lib: versions.show_active(lib.organization, lib.item),
    "versions.put_frame": lambda lib: versions.put_frame(
        lib.organization, lib.item, 1, versions.NewFrame(0, "k", "image/jpeg", 1, 1, "l", 1, 1), uuid4()
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
    "outbox.sent",
    "uploads.lapsing",
    "uploads.standing_still",
    "expired.sessions",
    "expired.device_codes",
    "expired.api_keys",
    "expired.rate_limits",
    "expired.idempotency_keys",
    "uploads.of_multiparts",
    "ledger.purge",
    "reprocessing.waiting",
    "reprocessing.resend",
    *(name for name in LISTED if name.startswith("purges.")),
}
INDEX_ALONE = {
    "browse.page": "media_newest",
    "browse.page, far": "media_newest",
    "browse.page_after": "media_newest",
    "media.files": "media_files_newest",
    "media.files, ascending": "media_files_newest",
    "media.files, far": "media_files_newest",
    "media.files, far, of a type": "media_files_newest",
    "media.files, by filename": "media_files_by_filename",
    "media.files, by filename, descending": "media_files_by_filename",
    "media.files, by size": "media_files_by_size",
    "media.files, by size, descending": "media_files_by_size",
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

    assert listed == functions


@pytest.mark.xdist_group("library_plans")  # one process fills one library
@pytest.mark.parametrize("name", LISTED)
def test_a_query_finds_its_rows_by_an_index(library: Library, name: str) -> None:
    nodes = list(plan(library, name))

    assert [
        node for node in nodes if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in LARGE
    ] == []
    if not name.startswith("media.files"):  # which scan an organization's files in order
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
