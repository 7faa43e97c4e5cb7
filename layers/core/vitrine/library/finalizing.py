"""What happens when bytes have landed: they are held against what was declared, and one item is born, or the
upload is refused.

Called by Complete, by a form upload, by the store's event and by the sweep, whichever sees the object first.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vitrine import queries, storage
from vitrine.credentials import mint_token
from vitrine.db import Transaction, read, read_all, transaction, write
from vitrine.errors import Busy
from vitrine.library import objects, quotas
from vitrine.library import versions as family
from vitrine.models.people import Actor, Consumer, Nobody
from vitrine.models.uploads import OPEN_STATES, Stored, Upload
from vitrine.permissions import PERMISSIONS, grants
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine.content import Content
    from vitrine.models.media import MediaType

log = logging.getLogger(__name__)

GONE_MEANWHILE = "The item was deleted before its file was fetched"
RIGHTS_ENDED = "The uploader's rights have ended"


def whose(key: str) -> queries.uploads.Whose | None:
    """The upload whose bytes land at this key, and its organization; None: nobody's."""
    found = read(Nobody(), queries.uploads.whose(key))
    return found[0] if found else None


def find(who: Actor, organization: UUID, upload_id: UUID) -> Upload | None:
    found = read(who, queries.uploads.by_id(organization, upload_id))
    return found[0] if found else None


def at(key: str) -> Upload | None:
    """Return the upload whose bytes land at this key, or None."""
    found = whose(key)
    return (
        None
        if found is None
        else find(Consumer(found.organization_id), found.organization_id, found.upload_id)
    )


def finalize(who: Actor, upload: Upload) -> Upload | None:
    """The object, if it is there, is held against what was declared, and its item is born (or it is refused):
    the upload as it then stands.

    None: nothing has landed. Idempotent: called by Complete, by the store's event and by the sweep, in any
    order, at once or again.
    """
    stored = storage.head(upload.key)
    current = find(who, upload.organization_id, upload.id)
    if current is None or (stored is None and current.state in (*OPEN_STATES, "expired", "aborted")):
        return None
    if stored is None:
        return current

    upload = current
    if upload.state not in (*OPEN_STATES, "expired"):
        if upload.method == "post" or upload.state in ("aborted", "rejected"):
            _mark_late_bytes(who, upload)
        return upload

    rights, quota = read_all(
        who,
        queries.uploads.rights(upload.organization_id, upload.id),
        queries.uploads.quota(upload.organization_id, upload.id),
    )
    if not _may_upload(upload, rights):
        return (
            reject_import(who, upload, RIGHTS_ENDED)
            if upload.method == "import"
            else reject_unfinished(who, upload, RIGHTS_ENDED)
        )
    rejection = _rejection(upload, stored, quota[0])
    if upload.method == "import":
        return _adopt(who, upload, stored) if rejection is None else fail_import(who, upload, rejection)
    if rejection is not None:
        return reject_unfinished(who, upload, rejection)
    if upload.method != "post":
        return _insert(who, upload, stored)

    copy_key = f"originals/{upload.organization_id.hex}/{upload.version_id.hex}/{mint_token()}"
    write(
        who,
        queries.objects.plan(
            upload.organization_id, copy_key, "original", version=upload.version_id, upload=upload.id
        ),
    )
    try:
        copied = storage.copy(stored, copy_key)
    except (storage.AlreadyThere, storage.NotThere):
        # Posted again, or settled and deleted, between our look and the copy: whoever came between has
        # settled it or will.
        objects.mark_deleting(who, upload.organization_id, [copy_key], "its source changed")
        objects.discard(who, upload.organization_id, copy_key)
        raise Busy("The upload changed while it was being looked at; try again") from None
    return _insert(who, upload, copied, source=stored)


def reject_unfinished(who: Actor, upload: Upload, reason: str) -> Upload:
    """What landed is not taken: no item, the reason kept, the object doomed and deleted."""

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(upload.organization_id, upload.id))[0]
        if current.state not in (*OPEN_STATES, "expired"):
            return current
        db.queue(queries.objects.mark_deleting(upload.organization_id, [current.key], "refused"))
        return db.run(queries.uploads.become(upload.organization_id, upload.id, "rejected", reason))[0]

    rejected = transaction(who, work)
    if rejected.state == "rejected":
        with suppress(Busy):
            objects.discard(who, rejected.organization_id, rejected.key)
    return rejected


def fail_import(who: Actor, upload: Upload, reason: str, *, now: datetime | None = None) -> Upload:
    """Nothing was fetched: the item stays what it was, a URL, and says why; what had landed is doomed and
    deleted. Where it has come in, or failed,
    before, it is left as it is; with `now` also while somebody is at it.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        busy = (
            now is not None
            and current.state == "completing"
            and current.lease_until is not None
            and current.lease_until > now
        )
        if busy or current.state not in (*OPEN_STATES, "expired"):
            return current
        db.queue(queries.objects.mark_deleting(organization, [current.key], "not imported"))
        db.queue(queries.versions.lock_item(organization, current.media_id))
        locked = db.first(queries.versions.get_locked(organization, current.version_id))
        if locked is None:
            return db.run(queries.uploads.become(organization, current.id, "rejected", GONE_MEANWHILE))[0]
        db.queue(queries.processing.fail(organization, locked.id, reason))
        show_processed(db, organization, locked, locked.type)
        return db.run(queries.uploads.become(organization, current.id, "failed", reason))[0]

    return _discard_import(who, transaction(who, work))


def may_still_upload(who: Actor, upload: Upload) -> bool:
    """Whether the uploader's rights are still those that the upload was created by."""
    return _may_upload(upload, read(who, queries.uploads.rights(upload.organization_id, upload.id)))


def reject_import(who: Actor, upload: Upload, reason: str) -> Upload:
    """Reject an import: remove its item, correct the counts, and mark an object that has landed for deletion,
    all in one transaction. The object is
    deleted afterwards. The item stays, as `failed`, where other versions of it can be restored.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        if current.state not in (*OPEN_STATES, "expired"):
            return current
        db.queue(queries.objects.mark_deleting(organization, [current.key], "not imported"))
        db.queue(queries.versions.lock_item(organization, current.media_id))
        locked = db.first(queries.versions.get_locked(organization, current.version_id))
        if locked is not None and not family.remove_version(db, organization, locked):
            return give_up(db, current, locked, reason)
        return db.run(queries.uploads.become(organization, current.id, "rejected", reason))[0]

    return _discard_import(who, transaction(who, work))


def _discard_import(who: Actor, upload: Upload) -> Upload:
    """Delete the object of an import that has failed or was rejected; the sweep does it where the store
    is busy. Returns the upload.
    """
    if upload.state in ("failed", "rejected"):
        with suppress(Busy):
            objects.discard(who, upload.organization_id, upload.key)
    return upload


def fail(who: Actor, upload: Upload, reason: str) -> None:
    """Record that processing the upload has failed for this reason: with no other facts, so that nothing else
    can be wrong with them.

    A version that waits for its frames has failed, or keeps those it had. An upload that has made no version
    has failed without one, and the sweep
    deletes its object. An upload that has ended is left as it is.
    """
    if upload.method == "import" and upload.state in (*OPEN_STATES, "expired"):
        fail_import(who, upload, reason)
        return
    organization = upload.organization_id

    def work(db: Transaction) -> None:
        db.queue(queries.versions.lock_item(organization, upload.media_id))
        locked = db.first(queries.versions.get_locked(organization, upload.version_id))
        if locked is not None:
            if locked.awaits_frames:
                give_up(db, upload, locked, reason)
            return
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        if current.state in (*OPEN_STATES, "expired", "stored", "processing"):
            db.queue(queries.uploads.become(organization, upload.id, "failed", reason))

    transaction(who, work)


def _adopt(who: Actor, upload: Upload, stored: Stored) -> Upload:
    """What was fetched is the item's own, the ledger knows, and the upload is `stored`; its frames are to
    be made.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> Upload:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        if current.state not in (*OPEN_STATES, "expired"):
            return current
        db.queue(queries.versions.lock_item(organization, current.media_id))
        locked = db.first(queries.versions.get_locked(organization, current.version_id))
        if locked is None:
            db.queue(queries.objects.mark_deleting(organization, [current.key], "its item is gone"))
            return db.run(
                queries.uploads.become(
                    organization, current.id, "rejected", GONE_MEANWHILE, landed_bytes=stored.bytes
                )
            )[0]
        if not db.run(queries.objects.live(organization, stored)):
            raise Busy("The import was ended while it was being settled; try again")
        db.queue(queries.externals.adopt(current, stored))
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
                f"settle:{current.id.hex}",
            )
        )
        # it was counted as what it was said to be
        show_processed(db, organization, locked, media_type_of(current.mime_type))
        return db.run(
            queries.uploads.become(organization, current.id, "stored", None, landed_bytes=stored.bytes)
        )[0]

    finalized = transaction(who, work)
    if finalized.state == "rejected":
        with suppress(Busy):
            objects.discard(who, organization, finalized.key)
    return finalized


def verify(who: Actor, upload: Upload, found: Content) -> None:
    """The item of a settled upload is shown, and counted, by what the head of its bytes says, if nobody
    has looked at the bytes before.
    """

    def work(db: Transaction) -> None:
        db.queue(queries.versions.lock_item(upload.organization_id, upload.media_id))
        locked = db.first(queries.versions.get_locked(upload.organization_id, upload.version_id))
        if locked is None or locked.processing != "pending" or locked.verified:
            return
        db.queue(
            queries.processing.verify(
                upload.organization_id, upload.version_id, width=found.width_shown, height=found.height_shown
            )
        )
        show_processed(db, upload.organization_id, locked, media_type_of(found.mime_type))

    transaction(who, work)


def give_up(db: Transaction, upload: Upload, locked: queries.versions.LockedVersion, reason: str) -> Upload:
    """Of a version that waits, whose item is held, nothing comes, for this reason: it has failed, or
    stays what it was where it had frames before.
    """
    organization = upload.organization_id
    keeps_its_own = locked.processing == "ready"
    db.queue(
        queries.reprocessing.leave(organization, locked.id, reason)
        if keeps_its_own
        else queries.processing.fail(organization, locked.id, reason)
    )
    family.show_active(db, organization, locked.media_id)
    return db.run(
        queries.uploads.become(
            organization, upload.id, "ready" if keeps_its_own else "failed", None if keeps_its_own else reason
        )
    )[0]


def show_processed(
    db: Transaction, organization: UUID, locked: queries.versions.LockedVersion, media_type: MediaType
) -> None:
    """The item shows what its version has become where that is to be active, and is counted by it from
    now on.
    """
    db.queue(queries.processing.put_type(organization, locked.id, media_type))
    family.show_active(db, organization, locked.media_id)


def _may_upload(upload: Upload, rights: Sequence[queries.uploads.Rights]) -> bool:
    """Whether the uploader may still do what the upload was created by: they are a member in a role that may,
    and the API key that they used last
    for it works and has the scope. Who completes it does not matter, so that Complete and the store's event
    decide alike.
    """
    needed = PERMISSIONS["media.register" if upload.method == "import" else "upload.create"]
    if not rights or needed.roles is None or rights[0].role not in needed.roles:
        return False
    scopes = frozenset(rights[0].scopes) if rights[0].scopes is not None else None
    return any(grants(scopes, scope) for scope in needed.scopes)


def _rejection(upload: Upload, stored: Stored, quota: queries.uploads.Quota) -> str | None:
    """Why what has landed is not taken; None: it is."""
    limit = settings().max_upload_bytes
    if stored.bytes == 0:
        return "The file is empty"
    if upload.declared_bytes is not None and stored.bytes != upload.declared_bytes:
        return f"The file has {stored.bytes} bytes; {upload.declared_bytes} were declared"
    if stored.bytes > limit:
        return f"The file has {stored.bytes} bytes; the limit is {limit}"
    # The upload's own reservation is its room. Only bytes beyond it compete with what other uploads have
    # reserved.
    reserved = (
        upload.reserved_bytes
        if max(upload.expires_at, upload.lease_until or upload.expires_at) > datetime.now(UTC)
        else 0
    )
    others = quota.reserved if stored.bytes > reserved else 0
    if quota.limit is not None and quota.stored + others + stored.bytes > quota.limit:
        return quotas.full(quota, stored.bytes, others=others)
    return None


def _insert(who: Actor, upload: Upload, stored: Stored, *, source: Stored | None = None) -> Upload:
    """The version is there, pending, and its item if it is the first; the ledger knows, and the upload is
    `stored`. `source`: what was posted,
    doomed now.

    Births hold the collection `for share`, so nothing is born alive under a folder that is being deleted.
    """
    organization = upload.organization_id

    def work(db: Transaction) -> tuple[Upload, tuple[str, ...]]:
        current = db.run(queries.uploads.lock(organization, upload.id))[0]
        spare = (stored.key,) if source is not None else ()
        # somebody settled it first, or it was aborted: this copy is one too many
        if current.state not in (*OPEN_STATES, "expired"):
            marked = spare if current.state not in ("aborted", "rejected") else (*spare, current.key)
            if marked:
                db.queue(queries.objects.mark_deleting(organization, marked, "settled before"))
            return current, marked
        number = _further(db, upload) if upload.is_further else _first(db, upload, stored)
        if number is None:
            gone = (
                "The item it was to be a version of was deleted"
                if upload.is_further
                else "Its collection was deleted"
            )
            marked = (*spare, current.key)
            db.queue(queries.objects.mark_deleting(organization, marked, "what it belongs to is gone"))
            return db.run(
                queries.uploads.become(organization, upload.id, "rejected", gone, landed_bytes=stored.bytes)
            )[0], marked
        db.queue(queries.versions.insert(upload, stored, number, media_type_of(upload.mime_type)))
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
                f"settle:{upload.id.hex}",
            )
        )
        if not db.run(queries.objects.live(organization, stored)):
            raise Busy("The upload was ended while it was being settled; try again")
        marked = (current.key,) if source is not None else ()
        if marked:
            db.queue(queries.objects.mark_deleting(organization, marked, "copied out"))
        return db.run(
            queries.uploads.become(organization, upload.id, "stored", None, landed_bytes=stored.bytes)
        )[0], marked

    finalized, marked = transaction(who, work)
    for key in marked:
        with suppress(Busy):  # the sweep comes again
            objects.discard(who, organization, key)
    log.info(
        "upload settled", extra={"upload_id": str(upload.id), "state": finalized.state, "bytes": stored.bytes}
    )
    return finalized


def _further(db: Transaction, upload: Upload) -> int | None:
    """The number of a further version of the upload's item, which is held. None: the item is deleted or
    gone.
    """
    taken = db.first(queries.versions.next_number(upload.organization_id, upload.media_id))
    return taken.n if taken else None


def _first(db: Transaction, upload: Upload, stored: Stored) -> int | None:
    """That of a first version, whose item is there now. None: its collection is gone."""
    db.queue(queries.collections.lock_for_insert(upload.organization_id, upload.collection_id))
    place = db.first(
        queries.uploads.birthplace(upload.organization_id, upload.collection_id, upload.parent_id)
    )
    if place is None:
        return None
    db.queue(
        queries.versions.insert_media(
            upload,
            stored,
            parent=place.folder_id,
            media_type=media_type_of(upload.mime_type),
            link_token=mint_token(),
        )
    )
    return 1


def _mark_late_bytes(who: Actor, upload: Upload) -> None:
    """Bytes that landed after the upload was done with: a form posted again, a part of an aborted one
    completed late.
    """
    objects.mark_deleting(who, upload.organization_id, [upload.key], "landed late")
    with suppress(Busy):
        objects.discard(who, upload.organization_id, upload.key)


def media_type_of(mime_type: str) -> MediaType:
    """What an item of this type is: a picture where nothing better is known."""
    if mime_type.startswith("video/"):
        return "video"
    return "pdf" if mime_type == "application/pdf" else "image"
