"""Authentication and authorization: from headers, cookies and the route's item to a Caller, or an error.

The database answers everything in one round trip; the checks run in the order that the dialect promises.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import ceil
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine import queries
from vitrine.credentials import fingerprint
from vitrine.db import read, write
from vitrine.errors import (
    Forbidden,
    MissingScope,
    NoOrganization,
    NotAMember,
    NotFound,
    OtherOrganization,
    SessionRequired,
    TooManyRequests,
    Unauthorized,
    UnknownOrganization,
    WrongOrigin,
)
from vitrine.models.people import Caller, Nobody, Person
from vitrine.permissions import ROLES, grants
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.datastructures import Headers

    from vitrine.dialects import Check, Dialect
    from vitrine.models.people import Identity, ItemKind
    from vitrine.permissions import Permission, RateLimit, Tier

# No organization has this id. It stands for a malformed name, which is rejected like an unknown one.
NO_ORGANIZATION = UUID(int=0)

ACTIVE_TEAM = "activeTeamId"  # the cookie that names the organization a browser works in
ACTIVE_TEAM_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """The item that a request names. `id` and `key` None: the name is malformed, so the item does
    not exist.
    """

    kind: ItemKind
    id: UUID | None
    key: str | None  # of an upload, in the store
    in_path: bool  # False: named in the query or body, where an explicitly named organization has precedence


@dataclass(frozen=True, slots=True)
class RateLimitUsage:
    """How much of a rate limit is used up in the present window."""

    limit: RateLimit
    bucket: str  # in which the request was counted
    allowed: int  # requests per window
    hits: int  # requests of this window, including the present one
    resets_at: datetime  # when the next window begins

    @property
    def remaining(self) -> int:
        return max(0, self.allowed - self.hits)

    @property
    def retry_after(self) -> int:
        """Seconds until the next window, at least one."""
        return max(1, ceil((self.resets_at - datetime.now(UTC)).total_seconds()))

    def check(self) -> None:
        """Check that the request is within the limit. Raises TooManyRequests when it is over the limit."""
        if self.hits > self.allowed:
            raise TooManyRequests(
                allowed=self.allowed, resets_at=self.resets_at, retry_after=self.retry_after
            )

    def uncount(self) -> RateLimitUsage:
        """Remove the request from its count. Returns the usage without it."""
        began = self.resets_at - timedelta(seconds=self.limit.seconds)
        write(Nobody(), queries.identity.uncount_request([self.bucket], began))
        return replace(self, hits=self.hits - 1)


@dataclass(frozen=True, slots=True)
class Identification:
    """What the database knows about the request's credentials and item. Nothing is checked yet."""

    identity: Identity
    by_cookie: bool  # the credential that counts is the cookie, which a browser sends by itself
    usage: RateLimitUsage | None  # None: nothing is counted
    began: float  # monotonic

    @property
    def has_stale_preference(self) -> bool:
        """Whether the cookie activeTeamId names no organization of the caller's."""
        return self.identity.preferred_is_own is False


def identify(
    dialect: Dialect,
    permission: Permission,
    headers: Mapping[str, str],
    cookies: Mapping[str, str],
    *,
    address: str,
    secure: bool,
    item: RequestedItem | None,
    organization: str | None = None,
) -> Identification:
    """Look up the credentials, the organization and the item of a request, and count it: in one round trip.

    `organization` is the one that the query or body names. The header x-team-id comes after it, the cookie
    activeTeamId last: it is a choice made earlier, so it counts only where it names an organization of the
    caller's. `address` is the client's. `secure` says that the request came by https, where only the session
    cookie with the prefix __Secure- counts.
    """
    explicit = organization or headers.get("x-team-id") or None
    preferred = cookies.get(ACTIVE_TEAM) or None
    limit = _limit(dialect, permission.tier)
    in_header = _header_credential(headers, bearer_first=dialect.bearer_first)
    in_cookie = cookies.get(session_cookie_name(secure=secure))
    began = time.monotonic()
    identity = read(
        Nobody(),
        queries.identity.authenticate(
            [fingerprint(credential) for credential in (in_header, in_cookie) if credential],
            address=rate_limit_address(address),
            organization=None if explicit is None else dialect.parse_id(explicit) or NO_ORGANIZATION,
            preferred=None if preferred is None else dialect.parse_id(preferred) or NO_ORGANIZATION,
            item_kind=item.kind if item else None,
            item_id=item.id if item else None,
            item_key=item.key if item else None,
            item_decides=dialect.item_decides and (explicit is None or (item is not None and item.in_path)),
            session_decides=dialect.session_decides,
            limit=limit,
        ),
    )[0]
    by_cookie = identity.credential_number == (2 if in_header else 1) and bool(in_cookie)
    usage = _usage(limit, identity.bucket, identity.hits, identity.resets_at)
    return Identification(identity, by_cookie, usage, began)


def authorize(
    identification: Identification,
    dialect: Dialect,
    permission: Permission,
    *,
    item: RequestedItem | None,
    from_allowed_page: bool,
) -> Caller | Person:
    """Return the caller, who is allowed to do this: a Caller in one organization, or a Person where the
    permission names no roles.

    Raises TooManyRequests; Unauthorized, never sooner than `credential_delay`; WrongOrigin for a cookie that
    was not sent `from_allowed_page`; SessionRequired; and what the dialect's checks raise, in its order:
    NotFound, OtherOrganization, UnknownOrganization, NotAMember, NoOrganization, MissingScope, Forbidden.
    """
    identity = identification.identity
    if identification.usage is not None:
        identification.usage.check()
    if identity.user_id is None or identity.email is None or identity.user_name is None:
        elapsed = time.monotonic() - identification.began
        time.sleep(max(0.0, settings().credential_delay - elapsed))
        raise Unauthorized
    if identification.by_cookie and not from_allowed_page:
        raise WrongOrigin(
            "A request that a browser's cookie signs must come from a page of this origin, "
            "or of an allowed one"
        )
    if permission.session and identity.session_id is None:
        raise SessionRequired("This takes a signed-in person; an API key cannot do it")
    for check in dialect.checks:
        if permission.roles is not None or check in ("item", "scope"):
            _CHECKS[check](identity, permission, dialect.missing[item.kind] if item else "")

    person = Person(
        identity.user_id,
        identity.email,
        identity.user_name,
        identity.key_id,
        _scopes(identity),
        session_id=identity.session_id,
    )
    if permission.roles is None:
        return person
    if identity.organization_id is None or identity.organization_name is None or identity.role is None:
        raise NoOrganization("No organization")  # only for a dialect whose checks leave the organization out
    return Caller(
        person.user_id,
        person.email,
        person.user_name,
        person.key_id,
        person.scopes,
        identity.organization_id,
        identity.organization_name,
        identity.role,
        session_id=person.session_id,
    )


def count_request(dialect: Dialect, tier: Tier, address: str) -> RateLimitUsage | None:
    """Count a request without credentials by its address. None: rate limits are off."""
    limit = _limit(dialect, tier)
    if limit is None:
        return None
    bucket = f"address:{rate_limit_address(address)}:{limit.name}"
    counted = read(Nobody(), queries.identity.count_request(bucket, limit.seconds))[0]
    return _usage(limit, bucket, counted.hits, counted.resets_at)


# Cookies.


def cookie(name: str, value: str, **attributes: str | int | None) -> str:
    """Format a Set-Cookie header (RFC 6265, 4.1.1) with its attributes in the order in which they are passed.

    An underscore stands for a hyphen: `Max_Age`. True is an attribute without a value; one with False or None
    is left out.
    """
    parts = [f"{name}={value}"]
    for attribute, setting in attributes.items():
        if setting is True:
            parts.append(attribute)
        elif setting is not False and setting is not None:
            parts.append(f"{attribute.replace('_', '-')}={setting}")
    return "; ".join(parts)


def session_cookie_name(*, secure: bool) -> str:
    """Return the name of the cookie that contains a session's token. By https browsers enforce the prefix: no
    page or host without https can have set the cookie.
    """
    return "__Secure-better-auth.session_token" if secure else "better-auth.session_token"


def session_tokens(
    headers: Mapping[str, str], cookies: Mapping[str, str], *, secure: bool
) -> tuple[str, ...]:
    """Return the texts that may be a session's token, by precedence. A key in x-api-key is none of them."""
    in_cookie = cookies.get(session_cookie_name(secure=secure), "")
    return tuple(token for token in (_bearer(headers), in_cookie) if token)


def active_team_cookie(organization: UUID | None, *, secure: bool) -> str:
    """Format the cookie by which a browser names its organization from now on; None deletes the cookie.

    Scripts may read it, since it is no secret. It outlives sessions, as the choice does. Where it names no
    organization of the caller's any more, it is ignored, and the answer deletes it.
    """
    return cookie(
        ACTIVE_TEAM,
        "" if organization is None else str(organization),
        Max_Age=0 if organization is None else ACTIVE_TEAM_SECONDS,
        Path="/",
        SameSite="Lax",
        Secure=secure,
    )


def sign_in_cookies(token: str, *, seconds: int | None, secure: bool) -> tuple[str, ...]:
    """Format the cookies of a person who has signed in. `seconds` None: until the browser is closed."""
    return (
        cookie(
            session_cookie_name(secure=secure),
            token,
            Path="/",
            Max_Age=seconds,
            HttpOnly=True,
            SameSite="Lax",
            Secure=secure,
        ),
    )


def sign_out_cookies(*, secure: bool) -> tuple[str, ...]:
    """Format the cookies of a person who has signed out: they delete the session's cookie and
    activeTeamId.
    """
    session = cookie(
        session_cookie_name(secure=secure),
        "",
        HttpOnly=True,
        Path="/",
        Max_Age=0,
        SameSite="Lax",
        Secure=secure,
    )
    return session, active_team_cookie(None, secure=secure)


# Addresses.


def rate_limit_address(address: str) -> str:
    """Return the text by which an address is counted in rate limits: an IPv4 address itself; the /64 network
    of an IPv6 address, because one host may use all 2**64 addresses of its network; `unknown` for a text that
    is no IP address.
    """
    parsed = _parse_address(address)
    if parsed is None:
        return "unknown"
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def client_address(headers: Headers, socket: str) -> str:
    """Return the client's address: that of the socket's other end, or the one that the deployment's own proxy
    reports.

    The header is read only where CLIENT_ADDRESS_HEADER names it and the request carries PROXY_SECRET in
    `x-proxy-secret`, which only the proxy knows. Of a list the last entry counts: that is the one which the
    proxy itself has added. An entry that is no address is ignored.
    """
    name, secret = settings().client_address_header, settings().proxy_secret
    secrets = headers.getlist("x-proxy-secret")
    if (
        name
        and secret
        and len(secrets) == 1
        and compare_digest(secrets[0].encode("latin-1"), secret.encode())
    ):
        # a header that is sent several times is one list (RFC 9110, 5.3)
        last = ",".join(headers.getlist(name)).rpartition(",")[2].strip()
        address = _parse_address(_without_port(last, always=name.lower() == "cloudfront-viewer-address"))
        if address is not None:
            return str(address)
    address = _parse_address(socket)
    return socket if address is None else str(address)


def _without_port(entry: str, *, always: bool) -> str:
    """Return the address in `192.0.2.1:443`, `[2001:db8::1]:443` or `2001:db8::1`. `always`: a port follows
    an IPv6 address without brackets too.
    """
    if entry.startswith("["):
        host, closed, port = entry[1:].partition("]")
        return host if closed and (not port or port[:1] == ":") else entry
    host, _, port = entry.rpartition(":")
    return host if port.isdecimal() and (always or ":" not in host) else entry


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address; None when the text is not one. An IPv4-mapped IPv6 address becomes the IPv4
    address: dual-stack sockets report those.
    """
    try:
        # an IPv6 zone is left out: it has a meaning on one machine only
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


# Rate limits and credentials.


def _limit(dialect: Dialect, tier: Tier) -> RateLimit | None:
    return dialect.limits[tier] if settings().rate_limits else None


def _usage(
    limit: RateLimit | None, bucket: str | None, hits: int | None, resets_at: datetime | None
) -> RateLimitUsage | None:
    if limit is None or bucket is None or hits is None or resets_at is None:
        return None
    allowed: int = getattr(settings(), limit.setting)
    return RateLimitUsage(limit, bucket, allowed, hits, resets_at)


def _header_credential(headers: Mapping[str, str], *, bearer_first: bool) -> str | None:
    """Return the key or token in the headers; None when there is none. An empty header counts as absent: some
    clients send one instead of leaving it out.
    """
    bearer = _bearer(headers)
    key = headers.get("x-api-key", "").strip()
    return ((bearer or key) if bearer_first else (key or bearer)) or None


def _bearer(headers: Mapping[str, str]) -> str:
    """Return the token of the Authorization header; empty when there is none."""
    authorization = headers.get("authorization", "")
    return authorization.removeprefix("Bearer ").strip() if authorization.startswith("Bearer ") else ""


# Checks. Each raises its error; the dialect decides their order.


def _check_item(identity: Identity, _: Permission, missing: str) -> None:
    if identity.item_state == "absent":
        raise NotFound(missing)
    if identity.item_state == "elsewhere":
        # In an organization that the caller named and belongs to, the item is missing.
        raise OtherOrganization(missing) if identity.organization_state == "stranger" else NotFound(missing)


def _check_organization(identity: Identity, _: Permission, __: str) -> None:
    if identity.organization_state == "none":
        raise NoOrganization("You belong to no organization yet")
    if identity.organization_state == "absent":
        raise UnknownOrganization("Organization not found")
    if identity.organization_state == "stranger":
        raise NotAMember("You are not a member of this organization")


def _check_scope(identity: Identity, permission: Permission, _: str) -> None:
    wanted = permission.scopes
    if wanted and not any(grants(_scopes(identity), scope) for scope in wanted):
        raise MissingScope(wanted[0])


def _check_role(identity: Identity, permission: Permission, _: str) -> None:
    if permission.roles is not None and identity.role not in permission.roles:
        roles = [role for role in ROLES if role in permission.roles]
        alternatives = " or ".join([", ".join(roles[:-1]), roles[-1]] if roles[1:] else roles)
        raise Forbidden(f"This takes the role {alternatives}; yours is {identity.role}")


_CHECKS: dict[Check, Callable[[Identity, Permission, str], None]] = {
    "item": _check_item,
    "organization": _check_organization,
    "scope": _check_scope,
    "role": _check_role,
}


def _scopes(identity: Identity) -> frozenset[str] | None:
    return None if identity.scopes is None else frozenset(identity.scopes)
