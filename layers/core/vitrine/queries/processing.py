"""The processing of a version's bytes: attempts, verification and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from psycopg.types.json import Jsonb

from vitrine.db import Statement, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.media import MediaType


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at deriving frames from a version. It writes the frames under a generation of its own."""

    id: UUID
    media_id: UUID
    key: str
    generation: int
    mime_type: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The properties of a version's bytes."""

    mime_type: str
    sha256: bytes | None
    width: int | None  # pixels, as displayed
    height: int | None
    duration: float | None = None  # seconds
    placeholder: bytes | None = None  # ThumbHash
    perceptual_hash: int | None = None  # 64 bits
    colors: Sequence[str] = ()  # "#rrggbb"
    exif: Mapping[str, Any] | None = None
    taken_at: datetime | None = None
    taken_zone: str | None = None
    codec: str | None = None
    frame_rate: float | None = None  # per second


def attempt(organization: UUID, version: UUID) -> Statement[Attempt]:
    """Begin an attempt at a version that awaits its first or new frames. No row: the version awaits none."""
    return Statement(
        """
        update versions
           set last_generation = last_generation + 1, updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
           and (processing = 'pending' or reprocess_requested_at is not null)
           and key is not null
        returning id, media_id, key, last_generation as generation, mime_type
        """,
        Attempt,
        organization=organization,
        version=version,
    )


def verify(organization: UUID, version: UUID, *, width: int | None, height: int | None) -> Statement[object]:
    """Record that the first bytes match the type. Frames and other results are not derived yet."""
    return Statement(
        """
        update versions
           set width = %(width)s, height = %(height)s, verified_at = now(), updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
           and verified_at is null
        """,
        nothing,
        organization=organization,
        version=version,
        width=width,
        height=height,
    )


def record(
    organization: UUID,
    version: UUID,
    facts: Facts,
    *,
    processing: Literal["ready", "failed"],
    reason: str | None,
    generation: int,
) -> Statement[object]:
    """Record that the bytes are verified, and what was derived from them."""

    return Statement(
        """
        update versions
           set mime_type = %(mime_type)s, sha256 = %(sha256)s, width = %(width)s, height = %(height)s,
               duration = %(duration)s, placeholder = %(placeholder)s,
               phash = %(perceptual_hash)s::bigint::bit(64), colors = %(colors)s, exif = %(exif)s,
               taken_at = %(taken_at)s, taken_zone = %(taken_zone)s, codec = %(codec)s,
               frame_rate = %(frame_rate)s, processing = %(processing)s, processing_reason = %(reason)s,
               generation = %(generation)s, reprocess_requested_at = null, reprocess_failure = null,
               verified_at = coalesce(verified_at, now()), updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
        """,
        nothing,
        organization=organization,
        version=version,
        mime_type=facts.mime_type,
        sha256=facts.sha256,
        width=facts.width,
        height=facts.height,
        duration=facts.duration,
        placeholder=facts.placeholder,
        perceptual_hash=None if facts.perceptual_hash is None else _signed(facts.perceptual_hash),
        colors=list(facts.colors),
        exif=None if facts.exif is None else Jsonb(dict(facts.exif)),
        taken_at=facts.taken_at,
        taken_zone=facts.taken_zone,
        codec=facts.codec,
        frame_rate=facts.frame_rate,
        processing=processing,
        reason=reason,
        generation=generation,
    )


def _signed(bits: int) -> int:
    """The 64 bits as a signed integer, as PostgreSQL's bigint stores them."""
    return bits - (1 << 64) if bits >> 63 else bits


def fail(organization: UUID, version: UUID, reason: str) -> Statement[object]:
    """Record that processing failed for this reason. The file is kept, listed and counted."""
    return Statement(
        """
        update versions
           set processing = 'failed', processing_reason = %(reason)s, reprocess_requested_at = null,
               verified_at = coalesce(verified_at, now()), updated_at = now()
         where organization_id = %(organization)s
           and id = %(version)s
        """,
        nothing,
        organization=organization,
        version=version,
        reason=reason,
    )


def put_type(organization: UUID, version: UUID, media_type: MediaType) -> Statement[object]:
    """Set the version's type to that of its bytes."""
    return Statement(
        """
        update versions
           set type = %(type)s
         where organization_id = %(organization)s
           and id = %(version)s
           and type <> %(type)s
        """,
        nothing,
        organization=organization,
        version=version,
        type=media_type,
    )
