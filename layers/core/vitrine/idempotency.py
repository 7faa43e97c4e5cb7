"""`Idempotency-Key`: a request that is sent again gets the same answer, and is not carried out again.

The key is claimed before the work and keeps the answer after it, for a day. An error frees the key at once;
when a process dies in the middle, the key is free again as soon as its lease ends. Answers are stored without
their signed URLs, which are signed anew each time the answer is sent.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import from_json, to_json

from vitrine import queries, storage
from vitrine.credentials import mint_token
from vitrine.db import write
from vitrine.delivery import Links
from vitrine.dialects import Answer
from vitrine.errors import ApiError, IdempotencyKeyReused, Invalid, RequestInProgress
from vitrine.models.people import Caller, Nobody, Person
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_SECONDS = 24 * 3600
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class UnsignedLinks(Links):
    """Links that have a mark and the object's key instead of a signed URL. The mark is random, so that no
    text of a client can contain it.
    """

    mark: str = field(default_factory=lambda: f"{mint_token()}:")

    def object(self, key: str) -> str:
        return self.mark + key


def run_once(
    caller: Person,
    route: str,
    key: str,
    request: bytes,
    work: Callable[[UnsignedLinks], object],
    *,
    origin: str,
) -> Answer:
    """Return the answer of `work`, which is called once for all requests with this key.

    `request` is everything by which two requests are equal. Raises Invalid for a malformed key,
    IdempotencyKeyReused for one that belongs to another request, RequestInProgress while the same request is
    being carried out, and whatever `work` raises: then the key is free again.
    """
    if not _KEY.fullmatch(key):
        raise Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters")
    organization = caller.organization_id if isinstance(caller, Caller) else None
    digest = hashlib.sha256(request).digest()
    request_key = queries.idempotency.RequestKey(caller.user_id, organization, route, key, digest)
    claim = write(
        Nobody(),
        queries.idempotency.claim(request_key, lease=settings().idempotency_lease, kept=KEPT_SECONDS),
    )[0]
    if claim.state == "other":
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request")
    if claim.state == "running":
        raise RequestInProgress("The request of this Idempotency-Key is being worked on; ask again")
    if claim.claim is None:
        return _restored(claim.answer or {}, replayed=True)

    links = UnsignedLinks(origin)
    try:
        result = work(links)
        answer = result if isinstance(result, Answer) else Answer(result)
        stored = {
            "status": answer.status,
            "headers": dict(answer.headers),
            "cookies": list(answer.cookies),
            "mark": links.mark,
            "body": from_json(to_json(answer.body)),
        }
    except BaseException:
        with suppress(ApiError):  # if this fails, the end of the lease frees the key
            write(Nobody(), queries.idempotency.finish(request_key, claim.claim, None))
        raise
    write(Nobody(), queries.idempotency.finish(request_key, claim.claim, stored))
    return _restored(stored, replayed=False)


def _restored(stored: dict[str, Any], *, replayed: bool) -> Answer:
    headers = {**stored["headers"], **({"idempotency-replayed": "true"} if replayed else {})}
    body = _with_urls(stored["body"], stored["mark"])
    return Answer(body, stored["status"], headers, tuple(stored["cookies"]))


def _with_urls(body: object, mark: str) -> object:
    """Replace every text that begins with the mark by the signed URL of the object that it names."""
    if isinstance(body, str):
        return storage.sign_get(body.removeprefix(mark)) if body.startswith(mark) else body
    if isinstance(body, dict):
        return {name: _with_urls(value, mark) for name, value in cast("dict[str, object]", body).items()}
    if isinstance(body, list):
        return [_with_urls(value, mark) for value in cast("list[object]", body)]
    return body
