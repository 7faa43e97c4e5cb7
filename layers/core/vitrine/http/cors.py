"""Cross-origin requests of browsers: who may send them, and who may read their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine.http.request import origin_of
from vitrine.settings import settings

if TYPE_CHECKING:
    from starlette import requests

EXPOSED = (  # headers that a page of another origin may read
    "etag, location, retry-after, x-request-id, idempotency-replayed, "
    "ratelimit, ratelimit-policy, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"
)
ACCEPTED = "authorization, content-type, if-match, x-api-key, x-team-id, idempotency-key"
PREFLIGHT_SECONDS = "7200"  # the longest time for which Chromium caches a preflight


def cors_headers(http: requests.Request) -> dict[str, str]:
    """Return the headers that let a page read the answer; none for an origin that is not allowed.

    The origin is always named: browsers ignore `*` where cookies are credentials.
    """
    origin = http.headers.get("origin")
    if origin is None or not _is_allowed(http, origin):
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
    }


def preflight_headers(methods: str) -> dict[str, str]:
    """Return the headers that the answer to a preflight has beside those of every answer."""
    return {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": ACCEPTED,
        "access-control-max-age": PREFLIGHT_SECONDS,
    }


def is_from_allowed_page(http: requests.Request) -> bool:
    """Whether a browser sent the request from a page of our origin or of an allowed one.

    No page can forge these headers: browsers send Origin with writes, and Sec-Fetch-Site with requests that
    have no Origin.
    """
    origin = http.headers.get("origin")
    if origin is not None:
        return _is_allowed(http, origin)
    return http.headers.get("sec-fetch-site") == "same-origin"


def _is_allowed(http: requests.Request, origin: str) -> bool:
    return origin in (*settings().allowed_origins, origin_of(http))
