"""How the upload of an import ends. Its item exists before its bytes: they are attached to the item, or the
item has failed, or it is removed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from vitrine import queries
from vitrine.db import Transaction, transaction
from vitrine.errors import ServiceUnavailable
from vitrine.library import file_types, objects, processing, versions
from vitrine.models.people import Actor
from vitrine.models.uploads import Stored, Upload

if TYPE_CHECKING:
    from datetime import datetime

ITEM_DELETED = "The item was deleted before its file was fetched"


def attach(actor: Actor, upload: Upload, stored: Stored) -> Upload:
    """Make the object that was fetched the original of the item's version. Return the upload, then `stored`.

    It is `rejected` when the item is gone, and unchanged when it had ended before. Raises ServiceUnavailable
    when the object was marked for deletion meanwhile.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        if not current.accepts_object:
            return current
        db.queue(queries.versions.lock_item(organization, current.media_id))
        locked = db.first(queries.versions.get_locked(organization, current.version_id))
        if locked is None:
            db.queue(queries.objects.mark_deleting(organization, [current.key], "its item is gone"))
            rejected = queries.uploads.set_state(
                organization, current.id, "rejected", ITEM_DELETED, landed_bytes=stored.bytes
            )
            return db.run(rejected)[0]
        if not db.run(queries.objects.mark_live(organization, stored)):
            raise ServiceUnavailable("The import was ended while it was being finalized; try again")
        db.queue(queries.externals.attach_object(current, stored))
        db.queue(
            queries.ledger.entry(
                organization,
                locked.media_id,
                locked.id,
                stored.bytes,
                1,
                "original",
                locked.counted_as,
                "imported",
                f"settle:{current.id.hex}",  # stored in the ledger: the text must not change
            )
        )
        # Until now the item was counted by the type that was declared.
        processing.show_processed(db, organization, locked, file_types.media_type_of(current.mime_type))
        attached = queries.uploads.set_state(
            organization, current.id, "stored", None, landed_bytes=stored.bytes
        )
        return db.run(attached)[0]

    attached = transaction(actor, work)
    if attached.state == "rejected":
        with suppress(ServiceUnavailable):
            objects.discard(actor, organization, attached.key)
    return attached


def fail(actor: Actor, upload: Upload, reason: str, *, now: datetime | None = None) -> Upload:
    """Record that the import could not be fetched: the item remains a URL, and its version has failed with
    this reason. Delete an object that landed. Return the upload as it then is.

    An upload that has ended is unchanged. With `now`, one whose lease lasts longer than that is unchanged
    too.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        is_leased = (
            now is not None
            and current.state == "completing"
            and current.lease_until is not None
            and current.lease_until > now
        )
        if is_leased or not current.accepts_object:
            return current
        db.queue(queries.objects.mark_deleting(organization, [current.key], "not imported"))
        db.queue(queries.versions.lock_item(organization, current.media_id))
        locked = db.first(queries.versions.get_locked(organization, current.version_id))
        if locked is None:
            return db.run(queries.uploads.set_state(organization, current.id, "rejected", ITEM_DELETED))[0]
        db.queue(queries.processing.fail(organization, locked.id, reason))
        processing.show_processed(db, organization, locked, locked.type)
        return db.run(queries.uploads.set_state(organization, current.id, "failed", reason))[0]

    return _discard_object(actor, transaction(actor, work))


def reject(actor: Actor, upload: Upload, reason: str) -> Upload:
    """Remove the import's item, correct the counts, and delete an object that landed. Return the upload, then
    `rejected`.

    The item stays, and the upload has `failed`, when other versions of the item can be restored. An upload
    that has ended is unchanged.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        if not current.accepts_object:
            return current
        db.queue(queries.objects.mark_deleting(organization, [current.key], "not imported"))
        db.queue(queries.versions.lock_item(organization, current.media_id))
        locked = db.first(queries.versions.get_locked(organization, current.version_id))
        if locked is not None and not versions.remove_version(db, organization, locked):
            return processing.record_failure(db, current, locked, reason)
        return db.run(queries.uploads.set_state(organization, current.id, "rejected", reason))[0]

    return _discard_object(actor, transaction(actor, work))


def _discard_object(actor: Actor, upload: Upload) -> Upload:
    """Delete the object of an import that has failed or was rejected. Return the upload. The sweep deletes
    the object later when the store is not answering.
    """
    if upload.state in ("failed", "rejected"):
        with suppress(ServiceUnavailable):
            objects.discard(actor, upload.organization_id, upload.key)
    return upload
