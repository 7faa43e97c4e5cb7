"""Uploads of small files in the request itself: the bytes pass through the function, unlike those of
`library/uploads.py`. The type is checked at once, so the item can be seen before its frames are made.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vitrine import content, storage
from vitrine.credentials import mint_id
from vitrine.errors import ApiError, TooLarge, UnsupportedType
from vitrine.library import file_types, finalizing, media, new_uploads, objects, processing, uploads
from vitrine.library.new_uploads import NewUpload
from vitrine.settings import MIB, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine.content import Content
    from vitrine.media_types import Kind
    from vitrine.models.media import Media
    from vitrine.models.people import Caller
    from vitrine.models.uploads import SentFile


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file of several: it is an item, or it was rejected with an error."""

    file: SentFile
    mime_type: str  # from its content; as declared where the content is not recognized
    limit: int  # bytes that a file of this type may have
    media: Media | None
    error: ApiError | None


def put_form(caller: Caller, wanted: NewUpload, file: SentFile) -> Media:
    """Put the file into the store and insert its item. Return the item, verified by its first bytes: it can
    be seen before its frames are made.

    Type and size are taken from the file, not from `wanted`. Raises UnsupportedType; Invalid for an empty
    file or invalid metadata; NotFound for a missing collection, folder or item; TooLarge (limit or quota);
    Conflict (too many versions); Unprocessable when the bytes were rejected; ServiceUnavailable when the
    store does not answer: then the upload is aborted.
    """
    found = _sniff(file)
    wanted = replace(wanted, mime_type=found.mime_type if found else "", declared_bytes=file.size)
    new_uploads.check_sizes(wanted)
    found = _accepted(found)
    version_id = mint_id()
    key = new_uploads.mint_original_key(caller.organization_id, version_id)
    upload = new_uploads.insert(
        caller,
        wanted,
        "form",
        upload_id=mint_id(),
        key=key,
        version_id=version_id,
        lifetime=settings().landing_seconds,
    )
    try:
        with suppress(storage.ConditionFailed):  # the key is new, so a first try has put it
            storage.put_original(key, file)
        finalized = finalizing.finalize(caller, upload.reference)
    except BaseException:
        with suppress(Exception):  # the sweep does both later
            uploads.abort_row(caller, upload)
            objects.discard(caller, upload.organization_id, upload.key)
        raise
    if finalized is None or not finalized.has_version:
        uploads.raise_ended(finalized or upload)
    processing.verify(caller, finalized, found)
    return media.get(caller, finalized.version_id)


def put_files(caller: Caller, files: Sequence[SentFile], *, largest_form: int) -> list[FileOutcome]:
    """Upload each file that is not empty, and return their outcomes in the same order. A rejected file leaves
    nothing behind, and does not affect the others.

    `largest_form`: bytes that all files of the request may have together.
    """
    return [_put_file(caller, file, largest_form) for file in files if file.size > 0]


def _put_file(caller: Caller, file: SentFile, largest_form: int) -> FileOutcome:
    found = _sniff(file)
    mime_type = found.mime_type if found else content.canonical(file.declared_type)
    limit = largest_file(largest_form, found.kind if found else None)
    try:
        reason = file_types.reason_to_reject(found)
        if reason is not None:
            raise UnsupportedType(reason)
        if file.size > limit:
            raise TooLarge(f"The file has {file.size} bytes; the limit is {limit}")
        item = put_form(caller, NewUpload(file.filename, mime_type), file)
    except ApiError as error:
        return FileOutcome(file, mime_type, limit, None, error)
    return FileOutcome(file, mime_type, limit, item, None)


def largest_file(largest_form: int, kind: Kind | None = None) -> int:
    """Return the bytes that one file in a form may have. `kind` None: a file of any kind without its own
    limit.
    """
    chosen = settings()
    own = {"image": chosen.max_size_image_mb, "video": chosen.max_size_video_mb}.get(kind or "", 0)
    return min((own or chosen.max_size_mb) * MIB, largest_form, chosen.max_upload_bytes)


def _sniff(file: SentFile) -> Content | None:
    file.content.seek(0)
    return content.sniff(file.content.read(content.HEAD_BYTES))


def _accepted(found: Content | None) -> Content:
    """Return the content of an accepted file. Raises UnsupportedType with the list of accepted types."""
    accepted = content.accepted_types()
    if found is None:
        raise UnsupportedType(f"{file_types.NOT_ACCEPTED}: {', '.join(sorted(accepted))}")
    if found.mime_type not in accepted:
        raise UnsupportedType(
            f"Files of type {found.mime_type} are not taken; {', '.join(sorted(accepted))} are"
        )
    return found
