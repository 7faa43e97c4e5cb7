"""Authentication and rate limits. Definer functions bypass row-level security for them, so that callers run
them as Nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vitrine.db import Statement, nothing
from vitrine.models.people import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.people import ItemKind
    from vitrine.permissions import RateLimit


@dataclass(frozen=True, slots=True)
class Counted:
    """The requests of a bucket in the present window, including the one just counted."""

    hits: int
    resets_at: datetime


def authenticate(
    credentials: Sequence[bytes],
    *,
    address: str,
    organization: UUID | None,
    item_kind: ItemKind | None,
    item_id: UUID | None,
    item_key: str | None,
    item_decides: bool,
    session_decides: bool,
    limit: RateLimit | None,
    preferred: UUID | None,
) -> Statement[Identity]:
    """Look up the person, organization, role and item of a request, and count it. One row, also when no
    credential is valid.

    `credentials` are SHA-256 digests; the first valid one counts. `organization` is named explicitly,
    `preferred` is an earlier choice that counts only where the person is a member. `item_decides`: the item's
    organization has precedence; `session_decides`: the session's active organization has precedence over the
    earliest membership. `limit` None: the request is not counted.
    """
    return Statement(
        """
        select credential_number, user_id, email, user_name, key_id, session_id, scopes,
               organization_state, organization_id, organization_name, role, item_state,
               hits, resets_at, bucket, preferred_is_own
          from authenticate(%(credentials)s::bytea[], %(address)s, %(organization)s::uuid,
                            %(item_kind)s::text, %(item_id)s::uuid, %(item_key)s::text,
                            %(item_decides)s, %(session_decides)s,
                            %(tier)s::text, %(per)s::text, %(seconds)s::integer, %(preferred)s::uuid)
        """,
        Identity,
        credentials=list(credentials),
        address=address,
        organization=organization,
        item_kind="media" if item_kind == "folder" else item_kind,
        item_id=item_id,
        item_key=item_key,
        item_decides=item_decides,
        session_decides=session_decides,
        tier=limit.name if limit else None,
        per=limit.per if limit else None,
        seconds=limit.seconds if limit else None,
        preferred=preferred,
    )


def count_request(bucket: str, seconds: int) -> Statement[Counted]:
    """Count one request of this bucket, in windows of `seconds`. One row."""
    return Statement(
        "select hits, resets_at from count_request(%(bucket)s, %(seconds)s)",
        Counted,
        bucket=bucket,
        seconds=seconds,
    )


def uncount_request(buckets: Sequence[str], began: datetime) -> Statement[None]:
    """Remove one request from each of these buckets, in the window that began at `began`."""
    return Statement(
        "select uncount_request(%(buckets)s::text[], %(began)s)",
        nothing,
        buckets=list(buckets),
        began=began,
    )
