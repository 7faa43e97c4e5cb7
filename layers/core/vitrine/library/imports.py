"""Items that lie at somebody else's URL: registered as they are, or fetched from there and then kept here
like any upload.

An item to be fetched is there at once, and is the URL for as long as it waits. Its upload is leased to one
fetching call at a time; when the bytes
have landed, settling makes them the item's own. What cannot be fetched has failed, for good and with its
reason: nobody's server is tried again.
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
from vitrine.errors import Busy, Invalid, Issue, NotFound, TooLarge
from vitrine.library import check_declared_type, clean_name, media, outbox, quotas
from vitrine.library import finalizing as finalizing
from vitrine.models.people import Consumer
from vitrine.models.uploads import Upload
from vitrine.settings import MIB, settings
from vitrine.urls import normalized

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from vitrine.fetch import Answer, Resolve
    from vitrine.models.media import Media
    from vitrine.models.people import Caller

log = logging.getLogger(__name__)

PART = 8 * MIB  # bytes that are held in memory; the store takes 5 MiB or more
NOT_TAKEN = "The file is not a picture or video of a type that is taken"
# seconds beyond `import_seconds` that a call may need: what is fetched is completed and settled
TO_COMPLETE = 360


@dataclass(frozen=True, slots=True)
class NewLink:
    """What lies at a URL, as it is declared."""

    url: str
    filename: str
    size_bytes: int
    mime_type: str
    width: int | None = None
    height: int | None = None
    title: str | None = None
    alt: str | None = None
    caption: str | None = None


def register(
    caller: Caller, link: NewLink, *, to_be_fetched: bool = False, resolve: Resolve = fetch.resolve
) -> Media:
    """An item that is what lies at the URL, in the default collection, and counts no bytes; or that is to be
    fetched from there.

    Raises Invalid for a URL that nobody may be led to, TooLarge when what is to be fetched has no room.
    """
    check_declared_type(link.mime_type, "mimeType")
    try:
        url = fetch.check(link.url, resolve=resolve)
    except fetch.Rejected as rejected:
        raise Invalid(f"url: {rejected}", issues=(Issue(("url",), str(rejected)),)) from None
    organization, item = caller.organization_id, mint_id()
    collection = read(caller, queries.collections.get_default(organization))[0].id
    upload = _upload(caller, link, item, collection) if to_be_fetched else None
    external = queries.externals.External(
        organization=organization,
        id=item,
        collection=collection,
        user=caller.user_id,
        upload=upload.id if upload else None,
        type=finalizing.media_type_of(content.canonical(link.mime_type)),
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
    message, said = mint_id(), {"key": upload.key if upload else ""}

    def work(db: Transaction) -> None:
        db.queue(queries.collections.lock_for_insert(organization, collection))
        if not db.run(queries.collections.get(organization, collection)):
            raise NotFound("Collection not found")
        if upload is not None:
            _reserve(db, upload)
            db.queue(
                queries.outbox.put(
                    organization, message, outbox.IMPORT_QUEUE, said, f"import:{upload.id.hex}"
                )
            )
        db.queue(queries.externals.insert_media(external))
        db.queue(queries.externals.insert(external))
        db.queue(queries.counts.entry(organization, collection, collection, external.type, 1))

    transaction(caller, work)
    if upload is not None:
        outbox.send_now(caller, message, outbox.IMPORT_QUEUE, said)
    return media.get(caller, item)


def bring(key: str, *, resolve: Resolve = fetch.resolve) -> Upload | None:
    """Fetch the import that lands at this key. Returns the upload: `stored`, `failed` with the reason, or
    `rejected` where the rights of its
    uploader have ended. None: there is no such import.

    May be called any number of times. Raises Busy where another call is at it, or the store does not answer:
    nothing is recorded then.
    """
    whose = finalizing.whose(key)
    if whose is None:
        log.warning("an import of nobody")
        return None
    who, organization, lease_id = Consumer(whose.organization_id), whose.organization_id, mint_id()
    claimed = write(
        who,
        queries.externals.claim(
            organization, whose.upload_id, lease_id, settings().import_seconds + TO_COMPLETE
        ),
    )
    upload = finalizing.find(who, organization, whose.upload_id)
    if upload is None or not claimed:
        if upload is not None and upload.state == "completing":
            raise Busy("The import is being worked on")
        return upload
    try:
        if claimed[0].stale is not None:
            storage.abort(key, claimed[0].stale)
        if not finalizing.may_still_upload(who, upload):  # before anything is fetched in their name
            return finalizing.reject_import(who, upload, finalizing.RIGHTS_ENDED)
        return finalizing.finalize(who, upload) or _fetched(who, upload, lease_id, resolve)
    except BaseException:
        with suppress(Exception):  # the lease ends by itself, later
            write(who, queries.uploads.release(organization, upload.id, lease_id))
        raise


def _fetched(who: Consumer, upload: Upload, lease_id: UUID, resolve: Resolve) -> Upload:
    source = read(who, queries.externals.source(upload.organization_id, upload.version_id))
    if not source:
        return finalizing.fail_import(who, upload, finalizing.GONE_MEANWHILE)
    into = _Store(who, upload, lease_id)
    try:
        with fetch.opened(
            normalized(source[0].url) or "", seconds=settings().import_seconds, resolve=resolve
        ) as answer:
            into.put(answer)
    except fetch.Rejected as rejected:
        into.give_up()
        failed = finalizing.fail_import(who, upload, str(rejected))
        log.info("import failed", extra={"upload_id": str(upload.id), "media_id": str(upload.media_id)})
        return failed
    except BaseException:
        into.give_up()
        raise
    finalized = finalizing.finalize(who, upload)
    if finalized is None:
        raise Busy("What was fetched is not in the store")
    return finalized


class _Store:
    """A multipart upload of the store that what is fetched goes into, once its first bytes have said what
    it is.
    """

    def __init__(self, who: Consumer, upload: Upload, lease_id: UUID) -> None:
        self._who, self._upload, self._lease_id = who, upload, lease_id
        self._id: str | None = None

    def put(self, answer: Answer) -> None:
        """All of it is one object. Raises Refused, Busy."""
        limit = min(settings().import_max_bytes, settings().max_upload_bytes)
        too_large = fetch.Rejected(f"The file has more than {limit} bytes, the limit")
        if answer.length is not None and answer.length > limit:
            raise too_large
        size, parts = 0, list[tuple[int, str]]()
        for data in _parts(answer):
            size += len(data)
            if size > limit:
                raise too_large
            parts.append(
                (len(parts) + 1, storage.put_part(self._upload.key, self._opened(data), len(parts) + 1, data))
            )
        if self._id is None:
            raise fetch.Rejected("The file is empty")
        # nobody else knows the key: a first try has landed
        with suppress(storage.AlreadyThere, storage.NotThere):
            storage.complete(self._upload.key, self._id, parts, size=size, checksum=None)

    def give_up(self) -> None:
        """The store holds no part of it."""
        if self._id is not None:
            with suppress(Busy):  # the sweep aborts it, since its session is over
                storage.abort(self._upload.key, self._id)

    def _opened(self, head: bytes) -> str:
        if self._id is None:
            found = content.sniff(head[: content.HEAD_BYTES])
            if found is None or found.mime_type not in content.taken():
                raise fetch.Rejected(
                    f"Files of type {content.described(found.mime_type)} are not taken"
                    if found
                    else NOT_TAKEN
                )
            self._id = storage.open_multipart(self._upload.key, checksum_kind="CRC64NVME")
            if not write(
                self._who,
                queries.externals.lands(
                    self._upload.organization_id, self._upload.id, self._lease_id, self._id, found.mime_type
                ),
            ):
                raise Busy("Another call works on the import by now")
        return self._id


def _parts(answer: Answer) -> Iterator[bytes]:
    part = bytearray()
    for chunk in answer.chunks():
        part += chunk
        if len(part) >= PART:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


# Helpers of registering.


def _upload(caller: Caller, link: NewLink, item: UUID, collection: UUID) -> Upload:
    chosen, now, upload_id = settings(), datetime.now(UTC), mint_id()
    return Upload(
        organization_id=caller.organization_id,
        id=upload_id,
        user_id=caller.user_id,
        collection_id=collection,
        parent_id=None,
        source_media_id=None,
        media_id=item,
        version_id=item,
        method="import",
        state="created",
        reason=None,
        key=f"originals/{caller.organization_id.hex}/{item.hex}/{mint_token()}",
        store_upload_id=None,
        name=clean_name(link.filename),
        filename=clean_name(link.filename),
        mime_type=link.mime_type,
        title=link.title,
        alt=link.alt,
        caption=link.caption,
        declared_bytes=None,
        reserved_bytes=link.size_bytes,
        landed_bytes=0,
        checksum_kind=None,
        checksum_value=None,
        part_bytes=None,
        signed_parts=0,
        lease_until=None,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=min(chosen.upload_ttl, chosen.upload_deadline)),
        deadline=now + timedelta(seconds=chosen.upload_deadline),
        key_id=caller.key_id,
    )


def _reserve(db: Transaction, upload: Upload) -> None:
    organization = upload.organization_id
    limit = min(settings().import_max_bytes, settings().max_upload_bytes)
    if upload.reserved_bytes > limit:
        raise TooLarge(f"The file has {upload.reserved_bytes} bytes; the limit is {limit}")
    db.queue(queries.uploads.queue_for_quota(organization))
    quotas.reserve(
        db.run(queries.uploads.quota(organization, upload.id))[0], upload.reserved_bytes, most=limit
    )
    db.queue(
        queries.objects.plan(
            organization, upload.key, "original", version=upload.version_id, upload=upload.id
        )
    )
    db.queue(queries.uploads.insert(upload))
