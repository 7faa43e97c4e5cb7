"""Items that are a URL on another server: registered as they are, or fetched from there, after which their
bytes are in our store like those of any upload.

An item that is to be fetched exists at once, and is a URL while it waits. A lease gives its upload to one
fetching call at a time. When the bytes have landed, `finalizing.finalize` attaches them to the item. What
cannot be fetched has failed for good, with a reason: there is no second try at another server.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vitrine import content, fetch, queries, storage
from vitrine.credentials import mint_id, mint_token
from vitrine.db import Transaction, read, transaction, write
from vitrine.errors import Invalid, Issue, ServiceUnavailable, TooLarge
from vitrine.library import (
    check_declared_type,
    clean_name,
    file_types,
    finalizing,
    import_results,
    media,
    new_uploads,
    not_found,
    outbox,
    quotas,
    upload_lookup,
)
from vitrine.models.people import Consumer
from vitrine.models.uploads import Upload
from vitrine.settings import MIB, settings
from vitrine.urls import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from vitrine.fetch import FetchedFile, Resolve
    from vitrine.models.media import Media
    from vitrine.models.people import Caller

log = logging.getLogger(__name__)

PART = 8 * MIB  # bytes of a part, but the last; S3 takes parts from 5 MiB
# seconds of a lease beyond `import_seconds`: the call completes and finalizes what it fetched
TO_COMPLETE = 360


@dataclass(frozen=True, slots=True)
class NewLink:
    """A file at a URL, as the client declares it."""

    url: str
    filename: str
    size_bytes: int
    mime_type: str
    width: int | None = None  # pixels
    height: int | None = None
    title: str | None = None
    alt: str | None = None
    caption: str | None = None


def register(
    caller: Caller, link: NewLink, *, to_be_fetched: bool = False, resolve: Resolve = fetch.resolve
) -> Media:
    """Create an item for the URL in the default collection, and return it. It counts no bytes. With
    `to_be_fetched` a message is sent to `on_import_requested`, and the file will be fetched.

    Raises Invalid for a URL that must not be opened (see `fetch.check`), TooLarge when the file to be fetched
    does not fit into the quota.
    """
    check_declared_type(link.mime_type, "mimeType")
    try:
        url = fetch.check_public(link.url, resolve=resolve)
    except fetch.Rejected as rejected:
        raise Invalid(f"url: {rejected}", issues=(Issue(("url",), str(rejected)),)) from None
    organization, item = caller.organization_id, mint_id()
    collection = read(caller, queries.collections.get_default(organization))[0].id
    upload = _new_upload(caller, link, item, collection) if to_be_fetched else None
    external = queries.externals.External(
        organization=organization,
        id=item,
        collection=collection,
        user=caller.user_id,
        upload=upload.id if upload else None,
        type=file_types.media_type_of(content.canonical(link.mime_type)),
        url=url,
        name=clean_name(link.filename),
        filename=clean_name(link.filename),
        mime_type=link.mime_type,
        size_bytes=link.size_bytes,
        width=link.width,
        height=link.height,
        title=link.title,
        alt=link.alt,
        caption=link.caption,
        link_token=mint_token(),
        processing="pending" if upload else "ready",
    )
    message, body = mint_id(), {"key": upload.key if upload else ""}

    def work(db: Transaction) -> None:
        db.queue(queries.collections.lock_for_insert(organization, collection))
        if not db.run(queries.collections.get(organization, collection)):
            raise not_found("collection")
        if upload is not None:
            _insert_upload(db, upload)
            db.queue(
                queries.outbox.insert(
                    organization, message, outbox.IMPORT_QUEUE, body, f"import:{upload.id.hex}"
                )
            )
        db.queue(queries.externals.insert_media(external))
        db.queue(queries.externals.insert(external))
        db.queue(queries.counts.entry(organization, collection, collection, external.type, 1))

    transaction(caller, work)
    if upload is not None:
        outbox.send_now(caller, message, outbox.IMPORT_QUEUE, body)
    return media.get(caller, item)


def fetch_import(key: str, *, resolve: Resolve = fetch.resolve) -> Upload | None:
    """Fetch the file of the import whose object has this key. Return the upload: `stored`, `failed` with the
    reason, or `rejected` when its uploader's rights have ended. None: there is no such import.

    It may be called any number of times. Raises ServiceUnavailable when another call has the lease, or the
    store does not answer: then nothing is recorded.
    """
    reference = upload_lookup.locate(key)
    if reference is None:
        log.warning("an import of nobody")
        return None
    actor, organization, lease_id = Consumer(reference.organization_id), reference.organization_id, mint_id()
    leased = write(
        actor,
        queries.uploads.lease(
            organization, reference.id, "import", lease_id, settings().import_seconds + TO_COMPLETE
        ),
    )
    if not leased:
        upload = upload_lookup.find(actor, organization, reference.id)
        if upload is not None and upload.state == "completing":
            raise ServiceUnavailable("The import is being worked on")
        return upload
    upload = leased[0]
    try:
        if upload.store_upload_id is not None:  # an earlier call died while it was putting parts
            storage.abort(key, upload.store_upload_id)
        # The uploader's rights are checked before anything is fetched on their behalf.
        if not finalizing.may_still_upload(actor, upload):
            return import_results.reject(actor, upload, finalizing.RIGHTS_ENDED)
        return finalizing.finalize(actor, reference) or _fetch(actor, upload, lease_id, resolve)
    except BaseException:
        with suppress(Exception):  # otherwise the lease ends by itself, later
            write(actor, queries.uploads.release(organization, upload.id, lease_id))
        raise


def _fetch(actor: Consumer, upload: Upload, lease_id: UUID, resolve: Resolve) -> Upload:
    """Fetch the file into the store and finalize the upload. Return the upload: `stored`, or `failed`."""
    source = read(actor, queries.externals.source(upload.organization_id, upload.version_id))
    if not source:
        return import_results.fail(actor, upload, import_results.ITEM_DELETED)
    target = _ImportTarget(actor, upload, lease_id)
    try:
        with fetch.open_url(
            normalize(source[0].url) or "", seconds=settings().import_seconds, resolve=resolve
        ) as answer:
            target.put(answer)
    except fetch.Rejected as rejected:
        target.abort()
        failed = import_results.fail(actor, upload, str(rejected))
        log.info("import failed", extra={"upload_id": str(upload.id), "media_id": str(upload.media_id)})
        return failed
    except BaseException:
        target.abort()
        raise
    finalized = finalizing.finalize(actor, upload.reference)
    if finalized is None:
        raise ServiceUnavailable("What was fetched is not in the store")
    return finalized


class _ImportTarget:
    """The multipart upload that a fetched file is put into. It is opened when the first bytes have shown that
    the file's type is accepted.
    """

    def __init__(self, actor: Consumer, upload: Upload, lease_id: UUID) -> None:
        self._actor, self._upload, self._lease_id = actor, upload, lease_id
        self._id: str | None = None

    def put(self, answer: fetch.FetchedFile) -> None:
        """Put the whole answer into the store as one object. Raises fetch.Rejected, ServiceUnavailable."""
        limit = _limit()
        too_large = fetch.Rejected(f"The file has more than {limit} bytes, the limit")
        if answer.length is not None and answer.length > limit:
            raise too_large
        size, parts = 0, list[tuple[int, str]]()
        for data in _parts(answer):
            size += len(data)
            if size > limit:
                raise too_large
            number = len(parts) + 1
            parts.append((number, storage.put_part(self._upload.key, self._open(data), number, data)))
        if self._id is None:
            raise fetch.Rejected("The file is empty")
        # No other call has this key, so an existing object is this one's: a first try of Complete has
        # succeeded.
        with suppress(storage.ConditionFailed, storage.NoSuchObject):
            storage.complete(self._upload.key, self._id, parts, size=size, checksum=None)

    def abort(self) -> None:
        """Delete the parts from the store."""
        if self._id is not None:
            with suppress(ServiceUnavailable):  # `abort_unwanted` aborts it later, when the upload has ended
                storage.abort(self._upload.key, self._id)

    def _open(self, head: bytes) -> str:
        """Return the store's id of the multipart upload; open it at the first call. Raises fetch.Rejected,
        ServiceUnavailable.
        """
        if self._id is not None:
            return self._id
        found = content.sniff(head[: content.HEAD_BYTES])
        reason = file_types.reason_to_reject(found)
        if found is None or reason is not None:
            raise fetch.Rejected(reason or file_types.NOT_ACCEPTED)
        self._id = storage.create_multipart(self._upload.key, checksum_kind="CRC64NVME")
        still_leased = write(
            self._actor,
            queries.externals.set_target(
                self._upload.organization_id, self._upload.id, self._lease_id, self._id, found.mime_type
            ),
        )
        if not still_leased:
            raise ServiceUnavailable("Another call works on the import by now")
        return self._id


def _parts(answer: FetchedFile) -> Iterator[bytes]:
    """Yield the file in parts of at least PART bytes; the last one has what is left. Raises as `chunks` does:
    fetch.Rejected, ServiceUnavailable.
    """
    part = bytearray()
    for chunk in answer.chunks():
        part += chunk
        if len(part) >= PART:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def _limit() -> int:
    return min(settings().import_max_bytes, settings().max_upload_bytes)


def _new_upload(caller: Caller, link: NewLink, item: UUID, collection: UUID) -> Upload:
    chosen, now = settings(), datetime.now(UTC)
    return Upload.new(
        caller,
        upload_id=mint_id(),
        key=new_uploads.mint_original_key(caller.organization_id, item),
        method="import",
        collection_id=collection,
        version_id=item,
        name=clean_name(link.filename),
        filename=clean_name(link.filename),
        mime_type=link.mime_type,
        title=link.title,
        alt=link.alt,
        caption=link.caption,
        reserved_bytes=link.size_bytes,
        now=now,
        expires_at=now + timedelta(seconds=min(chosen.upload_ttl, chosen.upload_deadline)),
        deadline=now + timedelta(seconds=chosen.upload_deadline),
    )


def _insert_upload(db: Transaction, upload: Upload) -> None:
    """Insert the rows of the upload and of its object, if the reservation fits. Raises TooLarge."""
    organization, limit = upload.organization_id, _limit()
    if upload.reserved_bytes > limit:
        raise TooLarge(f"The file has {upload.reserved_bytes} bytes; the limit is {limit}")
    db.queue(queries.uploads.lock_quota(organization))
    quota = db.run(queries.uploads.quota(organization, upload.id))[0]
    quotas.reserve(quota, upload.reserved_bytes, undeclared=limit)
    db.queue(
        queries.objects.plan(
            organization, upload.key, "original", version=upload.version_id, upload=upload.id
        )
    )
    db.queue(queries.uploads.insert(upload))
