"""Finalizing uploads: an object that landed is compared with what was declared, and one item is inserted, or
the upload is rejected.

Complete, a form upload, the store's event and the sweep all call `finalize`, whichever finds the object
first.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vitrine import queries, storage
from vitrine.credentials import mint_token
from vitrine.db import Transaction, read, read_all, transaction, write
from vitrine.errors import ServiceUnavailable
from vitrine.library import file_types, import_results, objects, processing, quotas, upload_lookup
from vitrine.models.people import Actor
from vitrine.models.uploads import Stored, Upload, UploadReference
from vitrine.permissions import PERMISSIONS, grants
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

RIGHTS_ENDED = "The uploader's rights have ended"


def finalize(actor: Actor, reference: UploadReference) -> Upload | None:
    """Check the object that landed for this upload, and insert its item or reject it. Return the upload as it
    then is.

    None: no object has landed, or there is no such upload. Idempotent: it may be called in any order, at once
    and again. The row is read after the object is looked at: a row read before could be older than the
    object's deletion by another call.
    """
    stored = storage.head(reference.key)
    upload = upload_lookup.find(actor, reference.organization_id, reference.id)
    if upload is None:
        return None
    if stored is None:
        return None if upload.accepts_object or upload.state == "aborted" else upload
    if not upload.accepts_object:
        if upload.method == "post" or upload.state in ("aborted", "rejected"):
            _discard_late_object(actor, upload)
        return upload

    rights, quota = read_all(
        actor,
        queries.uploads.rights(upload.organization_id, upload.id),
        queries.uploads.quota(upload.organization_id, upload.id),
    )
    if not _may_upload(upload, rights):
        if upload.method == "import":
            return import_results.reject(actor, upload, RIGHTS_ENDED)
        return reject(actor, upload, RIGHTS_ENDED)
    reason = _reason_to_reject(upload, stored, quota[0])
    if upload.method == "import":
        if reason is not None:
            return import_results.fail(actor, upload, reason)
        return import_results.attach(actor, upload, stored)
    if reason is not None:
        return reject(actor, upload, reason)
    if upload.method == "post":
        return _insert(actor, upload, _copy_posted(actor, upload, stored), source=stored)
    return _insert(actor, upload, stored)


def reject(actor: Actor, upload: Upload, reason: str) -> Upload:
    """Reject an upload that has no item yet: keep the reason, and delete its object. Return the upload as it
    then is; one that was finalized before is unchanged.
    """

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(upload.organization_id, upload.id))[0]
        if not current.accepts_object:
            return current
        db.queue(queries.objects.mark_deleting(upload.organization_id, [current.key], "rejected"))
        return db.run(queries.uploads.set_state(upload.organization_id, upload.id, "rejected", reason))[0]

    rejected = transaction(actor, work)
    if rejected.state == "rejected":
        with suppress(ServiceUnavailable):  # the sweep deletes it later
            objects.discard(actor, rejected.organization_id, rejected.key)
    return rejected


def fail(actor: Actor, upload: Upload, reason: str) -> None:
    """Record that the upload could not be processed, for this reason.

    Only the reason is written: whatever raised may have computed other facts wrongly. A version that waits
    for its first frames has failed; one that has frames keeps them. An upload without a version has failed
    without one, and the sweep deletes its object. A finished upload is left as it is.
    """
    if upload.method == "import" and upload.accepts_object:
        import_results.fail(actor, upload, reason)
        return
    organization = upload.organization_id

    def work(db: Transaction) -> None:
        db.queue(queries.versions.lock_item(organization, upload.media_id))
        locked = db.first(queries.versions.get_locked(organization, upload.version_id))
        if locked is not None:
            if locked.awaits_frames:
                processing.record_failure(db, upload, locked, reason)
            return
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        if current.can_change_to("failed"):
            db.queue(queries.uploads.set_state(organization, upload.id, "failed", reason))

    transaction(actor, work)


def may_still_upload(actor: Actor, upload: Upload) -> bool:
    """Whether the uploader still has the rights by which the upload was created."""
    return _may_upload(upload, read(actor, queries.uploads.rights(upload.organization_id, upload.id)))


def _may_upload(upload: Upload, rights: Sequence[queries.uploads.Rights]) -> bool:
    """Whether the uploader's role, and the API key that they used last for it, permit the upload now.

    The rights of the uploader decide, not those of the person who completes the upload. So Complete and
    the store's event come to the same result.
    """
    needed = PERMISSIONS["media.register" if upload.method == "import" else "upload.create"]
    if not rights or needed.roles is None or rights[0].role not in needed.roles:
        return False
    scopes = frozenset(rights[0].scopes) if rights[0].scopes is not None else None
    return any(grants(scopes, scope) for scope in needed.scopes)


def _reason_to_reject(upload: Upload, stored: Stored, quota: queries.uploads.Quota) -> str | None:
    limit = settings().max_upload_bytes
    if stored.bytes == 0:
        return "The file is empty"
    if upload.declared_bytes is not None and stored.bytes != upload.declared_bytes:
        return f"The file has {stored.bytes} bytes; {upload.declared_bytes} were declared"
    if stored.bytes > limit:
        return f"The file has {stored.bytes} bytes; the limit is {limit}"
    # The bytes that the upload has reserved are its own. Only bytes beyond them compete with the reservations
    # of other uploads.
    reservation_ends = max(upload.expires_at, upload.lease_until or upload.expires_at)
    reserved = upload.reserved_bytes if reservation_ends > datetime.now(UTC) else 0
    return quotas.reason_to_reject(
        quota, stored.bytes, reserved=quota.reserved if stored.bytes > reserved else 0
    )


def _copy_posted(actor: Actor, upload: Upload, posted: Stored) -> Stored:
    """Copy a posted object to a fresh key under originals/, where no form can write. Return the copy.

    Raises ServiceUnavailable when the object was posted again, or finalized and deleted by another call,
    after it was looked at: that call has finalized it, or will.
    """
    key = f"originals/{upload.organization_id.hex}/{upload.version_id.hex}/{mint_token()}"
    plan = queries.objects.plan(
        upload.organization_id, key, "original", version=upload.version_id, upload=upload.id
    )
    write(actor, plan)
    try:
        return storage.copy(posted, key)
    except (storage.ConditionFailed, storage.NoSuchObject):
        objects.mark_deleting(actor, upload.organization_id, [key], "its source changed")
        objects.discard(actor, upload.organization_id, key)
        raise ServiceUnavailable("The upload changed while it was being looked at; try again") from None


def _insert(actor: Actor, upload: Upload, stored: Stored, *, source: Stored | None = None) -> Upload:
    """Insert the version, its item if it is the first, and the ledger entry; the upload is then `stored`.
    Return the upload as it then is. `source`: the posted object that `stored` is a copy of; it is deleted.

    The collection is locked `for share`, so nothing is inserted under a folder that is being deleted.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> tuple[Upload, tuple[str, ...]]:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        copies = (stored.key,) if source is not None else ()
        if not current.accepts_object:  # another call finalized it first, or it was aborted
            unneeded = copies if current.state not in ("aborted", "rejected") else (*copies, current.key)
            if unneeded:
                db.queue(queries.objects.mark_deleting(organization, unneeded, "finalized before"))
            return current, unneeded
        number = _next_number(db, upload) if upload.is_further else _insert_item(db, upload, stored)
        if number is None:
            unneeded = (*copies, current.key)
            return _reject_orphaned(db, upload, stored, unneeded), unneeded
        media_type = file_types.media_type_of(upload.mime_type)
        db.queue(queries.versions.insert(upload, stored, number, media_type))
        db.queue(
            queries.ledger.entry(
                organization,
                upload.media_id,
                upload.version_id,
                stored.bytes,
                1,
                "original",
                "active",
                "uploaded",
                f"settle:{upload.id.hex}",  # stored in the ledger: the text must not change
            )
        )
        if not db.run(queries.objects.mark_live(organization, stored)):
            raise ServiceUnavailable("The upload was ended while it was being finalized; try again")
        unneeded = (current.key,) if source is not None else ()
        if unneeded:
            db.queue(queries.objects.mark_deleting(organization, unneeded, "copied"))
        finalized = queries.uploads.set_state(
            organization, upload.id, "stored", None, landed_bytes=stored.bytes
        )
        return db.run(finalized)[0], unneeded

    finalized, unneeded = transaction(actor, work)
    for key in unneeded:
        with suppress(ServiceUnavailable):  # the sweep deletes it later
            objects.discard(actor, organization, key)
    log.info(
        "upload finalized",
        extra={"upload_id": str(upload.id), "state": finalized.state, "bytes": stored.bytes},
    )
    return finalized


def _next_number(db: Transaction, upload: Upload) -> int | None:
    """Lock the upload's item and return the number of its next version. None: the item is deleted or gone."""
    taken = db.first(queries.versions.next_number(upload.organization_id, upload.media_id))
    return taken.n if taken else None


def _insert_item(db: Transaction, upload: Upload, stored: Stored) -> int | None:
    """Insert the upload's item and return the number of its first version. None: its collection is gone."""
    organization = upload.organization_id
    db.queue(queries.collections.lock_for_insert(organization, upload.collection_id))
    destination = db.first(queries.uploads.destination(organization, upload.collection_id, upload.parent_id))
    if destination is None:
        return None
    db.queue(
        queries.versions.insert_media(
            upload,
            stored,
            parent=destination.folder_id,
            media_type=file_types.media_type_of(upload.mime_type),
            link_token=mint_token(),
        )
    )
    return 1


def _reject_orphaned(db: Transaction, upload: Upload, stored: Stored, keys: tuple[str, ...]) -> Upload:
    """Reject an upload whose item or collection was deleted, and mark these objects for deletion."""
    reason = (
        "The item it was to be a version of was deleted"
        if upload.is_further
        else "Its collection was deleted"
    )
    db.queue(
        queries.objects.mark_deleting(upload.organization_id, keys, "its item or collection was deleted")
    )
    rejected = queries.uploads.set_state(
        upload.organization_id, upload.id, "rejected", reason, landed_bytes=stored.bytes
    )
    return db.run(rejected)[0]


def _discard_late_object(actor: Actor, upload: Upload) -> None:
    """Delete an object that landed after the upload had ended: a form posted again, or the late part of an
    aborted upload.
    """
    objects.mark_deleting(actor, upload.organization_id, [upload.key], "landed late")
    with suppress(ServiceUnavailable):
        objects.discard(actor, upload.organization_id, upload.key)
