"""Headers of answers: security, CORS, rate limits, and the form in which all of them are sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vitrine.http.cors import cors_headers
from vitrine.http.request import origin_of
from vitrine.urls import encode_for_header

if TYPE_CHECKING:
    from starlette import requests

    from vitrine.auth import RateLimitUsage
    from vitrine.dialects import Answer

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-xss-protection": "1; mode=block",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    # for answers that are no page; a page replaces it
    "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
}
HSTS = "max-age=31536000"  # a year, for this host alone: its domain may have others that are not ours


def response(
    http: requests.Request, answer: Answer, request_id: str
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return the content and the headers of a response, as ASGI sends them. `answer.body` is bytes, text or
    None.
    """
    content = answer.body.encode() if isinstance(answer.body, str) else answer.body
    if not isinstance(content, bytes):
        content = b""
    headers = {
        **SECURITY,
        **({"strict-transport-security": HSTS} if origin_of(http).startswith("https:") else {}),
        "cache-control": "no-store",
        "vary": "Origin",
        **cors_headers(http),
        **answer.headers,
        "x-request-id": request_id,
    }
    if answer.status not in (204, 304):
        headers["content-length"] = str(len(content))
    named = [*headers.items(), *(("set-cookie", cookie) for cookie in answer.cookies)]
    return content, [(name.encode("ascii"), _header_value(name, value)) for name, value in named]


def _header_value(name: str, value: str) -> bytes:
    """Return the value as visible ASCII and spaces. Then nothing in it can end the header, and clients cannot
    differ in its encoding.

    URLs are percent-encoded. In other values each character beyond ASCII becomes a question mark, and control
    characters are removed.
    """
    if name in ("location", "content-location"):
        value = encode_for_header(value)
    ascii_value = value.encode("ascii", "replace").decode("ascii")
    return re.sub(r"[^\x20-\x7e]", "", ascii_value).strip().encode("ascii")


def rate_limit_headers(usage: RateLimitUsage | None) -> dict[str, str]:
    """Return the v1 API's own headers (reset in milliseconds, as its contract has it) and those of the IETF's
    draft (draft-ietf-httpapi-ratelimit-headers); none where nothing was counted.
    """
    if usage is None:
        return {}
    name = usage.limit.name.replace("_", "-")
    return {
        "x-ratelimit-limit": str(usage.allowed),
        "x-ratelimit-remaining": str(usage.remaining),
        "x-ratelimit-reset": str(int(usage.resets_at.timestamp() * 1000)),
        "ratelimit-policy": f'"{name}";q={usage.allowed};w={usage.limit.seconds}',
        "ratelimit": f'"{name}";r={usage.remaining};t={usage.retry_after}',
    }
