"""`Idempotency-Key`: the same request, sent again, is answered again and not done again.

A key is taken before the work and holds the answer after it, for a day. Work that is refused or fails frees
its key at once; a process that dies
in the middle frees it when its lease ends. What is kept is the answer with its signed URLs left open: they
are made anew each time it is given.
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

KEPT = 24 * 3600  # seconds
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class OpenLinks(Links):
    """Links whose signed URLs are left open: a mark that nobody could have written into a text, and the
    key.
    """

    mark: str = field(default_factory=lambda: f"{mint_token()}:")

    def object(self, key: str) -> str:
        return self.mark + key


def run_once(
    who: Person, route: str, key: str, request: bytes, work: Callable[[OpenLinks], object], *, origin: str
) -> Answer:
    """What `work` answers, which is done once for all requests of this key; `request` is all that makes them
    the same.

    Raises Invalid when the key cannot be one, IdempotencyKeyReused when it was used for another request, RequestInProgress
    while somebody is at it, and whatever
    `work` raises: then nothing is kept.
    """
    if not _KEY.fullmatch(key):
        raise Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters")
    organization = who.organization_id if isinstance(who, Caller) else None
    known = queries.idempotency.Key(who.user_id, organization, route, key, hashlib.sha256(request).digest())
    claimed = write(
        Nobody(), queries.idempotency.claim(known, lease=settings().idempotency_lease, kept=KEPT)
    )[0]
    if claimed.state == "other":
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request")
    if claimed.state == "running":
        raise RequestInProgress("The request of this Idempotency-Key is being worked on; ask again")
    if claimed.claim is None:
        return _filled(claimed.answer or {}, replayed=True)

    links = OpenLinks(origin)
    try:
        result = work(links)
        answer = result if isinstance(result, Answer) else Answer(result)
        kept = {
            "status": answer.status,
            "headers": dict(answer.headers),
            "cookies": list(answer.cookies),
            "mark": links.mark,
            "body": from_json(to_json(answer.body)),
        }
    except BaseException:
        with suppress(ApiError):  # the lease frees it too, later
            write(Nobody(), queries.idempotency.finish(known, claimed.claim, None))
        raise
    write(Nobody(), queries.idempotency.finish(known, claimed.claim, kept))
    return _filled(kept, replayed=False)


def _filled(kept: dict[str, Any], *, replayed: bool) -> Answer:
    headers = {**kept["headers"], **({"idempotency-replayed": "true"} if replayed else {})}
    return Answer(_with_urls(kept["body"], kept["mark"]), kept["status"], headers, tuple(kept["cookies"]))


def _with_urls(body: object, mark: str) -> object:
    if isinstance(body, str):
        return storage.sign_get(body.removeprefix(mark)) if body.startswith(mark) else body
    if isinstance(body, dict):
        return {name: _with_urls(value, mark) for name, value in cast("dict[str, object]", body).items()}
    if isinstance(body, list):
        return [_with_urls(value, mark) for value in cast("list[object]", body)]
    return body
