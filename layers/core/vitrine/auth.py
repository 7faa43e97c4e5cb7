"""Headers, cookies and the route's item become a Caller, or a refusal: in one round trip, in the order
that the dialect promises.
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

# that nobody has: stands for a name that cannot be one, so that it is refused as an unknown one is
NO_ORGANIZATION = UUID(int=0)


@dataclass(frozen=True, slots=True)
class About:
    """The item that a request names. Both None: the name cannot be one, so the item is not there."""

    kind: ItemKind
    id: UUID | None
    key: str | None  # of an upload, in the store
    in_path: bool  # False: named in the body or query, where an organization named explicitly goes before it


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a rate limit is used up."""

    limit: RateLimit
    bucket: str  # in which the request was counted
    allowed: int  # requests per window
    hits: int  # of this window, the present one counted
    resets_at: datetime  # when the next one begins

    @property
    def remaining(self) -> int:
        return max(0, self.allowed - self.hits)

    @property
    def retry_after(self) -> int:
        """Seconds, at least one."""
        return max(1, ceil((self.resets_at - datetime.now(UTC)).total_seconds()))

    def check(self) -> None:
        """Raises TooManyRequests."""
        if self.hits > self.allowed:
            raise TooManyRequests(
                allowed=self.allowed, resets_at=self.resets_at, retry_after=self.retry_after
            )

    def take_back(self) -> Use:
        """Remove the request from its count. Returns the use without it."""
        write(
            Nobody(),
            queries.identity.uncount_request(
                [self.bucket], self.resets_at - timedelta(seconds=self.limit.seconds)
            ),
        )
        return replace(self, hits=self.hits - 1)


@dataclass(frozen=True, slots=True)
class Known:
    """What one look at the request's credentials and item says, before anybody is refused."""

    identity: Identity
    by_cookie: bool  # the credential that counts is one that a browser brings along by itself
    use: Use | None  # None: nothing is counted
    began: float  # monotonic

    @property
    def stale_choice(self) -> bool:
        """The cookie activeTeamId names no organization of the caller's."""
        return self.identity.preferred_is_own is False


def identify(
    dialect: Dialect,
    permission: Permission,
    headers: Mapping[str, str],
    cookies: Mapping[str, str],
    *,
    address: str,
    secure: bool,
    about: About | None,
    organization: str | None = None,
) -> Known:
    """Who asks, in one round trip, which also counts the request.

    `organization` is one named in the body or query; the header x-team-id goes after it, the cookie
    activeTeamId last. The cookie is a choice made
    earlier, so it counts only where it names an organization of the caller's. `address` is the client's;
    `secure`: the request came by https, where
    only a cookie of the name that says so counts.
    """
    explicit = organization or headers.get("x-team-id") or None
    chosen = cookies.get("activeTeamId") or None
    limit = _limited(dialect, permission.tier)
    shown = _credential(headers, bearer_first=dialect.bearer_first)
    cookie = cookies.get(session_cookie(secure=secure))
    began = time.monotonic()
    identity = read(
        Nobody(),
        queries.identity.authenticate(
            [fingerprint(credential) for credential in (shown, cookie) if credential],
            address=subnet(address),
            organization=None if explicit is None else dialect.parse_id(explicit) or NO_ORGANIZATION,
            preferred=None if chosen is None else dialect.parse_id(chosen) or NO_ORGANIZATION,
            item_kind=about.kind if about else None,
            item_id=about.id if about else None,
            item_key=about.key if about else None,
            item_decides=dialect.item_decides and (explicit is None or (about is not None and about.in_path)),
            session_decides=dialect.session_decides,
            limit=limit,
        ),
    )[0]
    by_cookie = identity.credential_number == (2 if shown else 1) and bool(cookie)
    return Known(identity, by_cookie, _use(limit, identity.bucket, identity.hits, identity.resets_at), began)


def admit(
    known: Known, dialect: Dialect, permission: Permission, *, about: About | None, from_our_page: bool
) -> Caller | Person:
    """The one who asks, allowed to do this: a Caller in one organization, a Person where the permission asks
    for none.

    Raises TooManyRequests, Unauthorized (never faster than `credential_delay`), and what the dialect's checks
    raise, in its order: NotFound,
    OtherOrganization, UnknownOrganization, NotAMember, NoOrganization, MissingScope, Forbidden. A cookie
    counts only `from_our_page`: WrongOrigin.
    """
    found = known.identity
    if known.use is not None:
        known.use.check()
    if found.user_id is None or found.email is None or found.user_name is None:
        time.sleep(max(0.0, settings().credential_delay - (time.monotonic() - known.began)))
        raise Unauthorized
    if known.by_cookie and not from_our_page:
        raise WrongOrigin(
            "A request that a browser's cookie signs must come from a page of this origin, or of an allowed one"
        )
    if permission.session and found.session_id is None:
        raise SessionRequired("This takes a signed-in person; an API key cannot do it")
    for check in dialect.checks:
        if permission.roles is not None or check in ("item", "scope"):
            _CHECKS[check](found, permission, dialect.missing[about.kind] if about else "")

    person = Person(
        found.user_id, found.email, found.user_name, found.key_id, _scopes(found), session_id=found.session_id
    )
    if permission.roles is None:
        return person
    if found.organization_id is None or found.organization_name is None or found.role is None:
        # only a dialect that forgot to check the organization comes here
        raise NoOrganization("No organization")
    return Caller(
        person.user_id,
        person.email,
        person.user_name,
        person.key_id,
        person.scopes,
        found.organization_id,
        found.organization_name,
        found.role,
        session_id=person.session_id,
    )


def count(dialect: Dialect, tier: Tier, address: str) -> Use | None:
    """One more request of nobody in particular, from this address. None: nothing is counted."""
    limit = _limited(dialect, tier)
    if limit is None:
        return None
    bucket = f"address:{subnet(address)}:{limit.name}"
    counted = read(Nobody(), queries.identity.count_request(bucket, limit.seconds))[0]
    return _use(limit, bucket, counted.hits, counted.resets_at)


def session_cookie(*, secure: bool) -> str:
    """The name of the cookie that holds a session's token. By https browsers hold it to its prefix: no
    other host or page can have set it.
    """
    return "__Secure-better-auth.session_token" if secure else "better-auth.session_token"


def active_team(organization: UUID | None, *, secure: bool) -> str:
    """The cookie by which a browser names its organization from then on; None: it is forgotten. Scripts may
    read it, since it tells no secret.

    It outlives sessions, as the choice does. Where it names no organization of the caller's any more, it is
    ignored, and the answer ends it.
    """
    kept = f"{organization}; Max-Age={365 * 24 * 3600}" if organization is not None else "; Max-Age=0"
    return f"activeTeamId={kept}; Path=/; SameSite=Lax{'; Secure' if secure else ''}"


def session_tokens(
    headers: Mapping[str, str], cookies: Mapping[str, str], *, secure: bool
) -> tuple[str, ...]:
    """What may be a session's token, in the order in which they count. A key in x-api-key is none."""
    return tuple(
        token for token in (_bearer(headers), cookies.get(session_cookie(secure=secure), "")) if token
    )


def signed_in(token: str, *, seconds: int | None, secure: bool) -> tuple[str, ...]:
    """The cookies of who has signed in. `seconds` None: until the browser is closed."""
    kept = "" if seconds is None else f"; Max-Age={seconds}"
    return (
        f"{session_cookie(secure=secure)}={token}; Path=/{kept}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}",
    )


def signed_out(*, secure: bool) -> tuple[str, ...]:
    """The cookies of who has signed out: taken back, the one that names the organization too."""
    rest = f"Path=/; Max-Age=0; SameSite=Lax{'; Secure' if secure else ''}"
    return f"{session_cookie(secure=secure)}=; HttpOnly; {rest}", active_team(None, secure=secure)


def subnet(address: str) -> str:
    """What an address is counted as: whoever has one of IPv6 has 2**64 of them."""
    parsed = _parsed_address(address)
    if parsed is None:
        return "unknown"
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def client_address(headers: Headers, socket: str) -> str:
    """Return the client's address: that of the socket's other end, or the one that the deployment's own proxy
    reports.

    The header is read only where CLIENT_ADDRESS_HEADER names it and the request carries PROXY_SECRET in
    `x-proxy-secret`, which only the proxy
    knows. Of a list the last entry counts: that is the one which the proxy itself has added. An entry that is
    no address is ignored.
    """
    name, secret = settings().client_address_header, settings().proxy_secret
    shown = headers.getlist("x-proxy-secret")
    if name and secret and len(shown) == 1 and compare_digest(shown[0].encode("latin-1"), secret.encode()):
        # sent several times, a header is one list (RFC 9110, 5.3)
        last = ",".join(headers.getlist(name)).rpartition(",")[2].strip()
        found = _parsed_address(_without_port(last, always=name.lower() == "cloudfront-viewer-address"))
        if found is not None:
            return str(found)
    found = _parsed_address(socket)
    return socket if found is None else str(found)


def _without_port(entry: str, *, always: bool) -> str:
    """The address in `192.0.2.1:443`, `[2001:db8::1]:443` or `2001:db8::1`. `always`: an IPv6 address
    without brackets is followed by a port too.
    """
    if entry.startswith("["):
        host, closed, port = entry[1:].partition("]")
        return host if closed and (not port or port[:1] == ":") else entry
    host, _, port = entry.rpartition(":")
    return host if port.isdecimal() and (always or ":" not in host) else entry


def _parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address; None when the text is not one. An IPv4-mapped IPv6 address becomes the IPv4
    address: dual-stack sockets report those.
    """
    try:
        # without an IPv6 zone, which means something to one machine only
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _limited(dialect: Dialect, tier: Tier) -> RateLimit | None:
    return dialect.limits[tier] if settings().rate_limits else None


def _use(
    limit: RateLimit | None, bucket: str | None, hits: int | None, resets_at: datetime | None
) -> Use | None:
    if limit is None or bucket is None or hits is None or resets_at is None:
        return None
    allowed: int = getattr(settings(), limit.setting)
    return Use(limit, bucket, allowed, hits, resets_at)


def _credential(headers: Mapping[str, str], *, bearer_first: bool) -> str | None:
    """None when there is none. An empty header counts as absent: some clients send one instead of none."""
    bearer = _bearer(headers)
    key = headers.get("x-api-key", "").strip()
    return ((bearer or key) if bearer_first else (key or bearer)) or None


def _bearer(headers: Mapping[str, str]) -> str:
    """Empty when there is none."""
    authorization = headers.get("authorization", "")
    return authorization.removeprefix("Bearer ").strip() if authorization.startswith("Bearer ") else ""


def _item(found: Identity, _: Permission, missing: str) -> None:
    if found.item_state == "absent":
        raise NotFound(missing)
    if found.item_state == "elsewhere":
        # In an organization that the caller named, and is in, the item is simply not there.
        raise OtherOrganization(missing) if found.organization_state == "stranger" else NotFound(missing)


def _organization(found: Identity, _: Permission, __: str) -> None:
    if found.organization_state == "none":
        raise NoOrganization("You belong to no organization yet")
    if found.organization_state == "absent":
        raise UnknownOrganization("Organization not found")
    if found.organization_state == "stranger":
        raise NotAMember("You are not a member of this organization")


def _scope(found: Identity, permission: Permission, _: str) -> None:
    wanted = permission.scopes
    if wanted and not any(grants(_scopes(found), scope) for scope in wanted):
        raise MissingScope(wanted[0])


def _role(found: Identity, permission: Permission, _: str) -> None:
    if permission.roles is not None and found.role not in permission.roles:
        able = [role for role in ROLES if role in permission.roles]
        raise Forbidden(
            f"This takes the role {' or '.join([', '.join(able[:-1]), able[-1]] if able[1:] else able)}; yours is {found.role}"
        )


_CHECKS: dict[Check, Callable[[Identity, Permission, str], None]] = {
    "item": _item,
    "organization": _organization,
    "scope": _scope,
    "role": _role,
}


def _scopes(found: Identity) -> frozenset[str] | None:
    return None if found.scopes is None else frozenset(found.scopes)
