"""Headers, cookies and the route's item become a Caller, or a refusal: in one round trip, in the order that the dialect promises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from vitrine.credentials import API_KEY, fingerprint
from vitrine.db import read
from vitrine.errors import Forbidden, MissingScope, NoOrganization, NotAMember, NotFound, OtherOrganization, Unauthorized, UnknownOrganization
from vitrine.models import Caller, Nobody
from vitrine.permissions import ROLES, grants
from vitrine.queries import identity
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vitrine.dialects import Check, Dialect
    from vitrine.models import Identity, ItemKind
    from vitrine.permissions import Permission

NO_ORGANIZATION = UUID(int=0)   # that nobody has: stands for a name that cannot be one, so that it is refused as an unknown one is


@dataclass(frozen=True, slots=True)
class About:
    """The item that a request names. Both None: the name cannot be one, so the item is not there."""

    kind: ItemKind
    id: UUID | None
    key: str | None          # of an upload, in the store
    in_path: bool            # False: named in the body or query, where an organization named explicitly goes before it


def admit(dialect: Dialect, permission: Permission, headers: Mapping[str, str], cookies: Mapping[str, str],
          *, about: About | None, organization: str | None = None) -> Caller:
    """The caller, known, in one organization, and allowed to do this to the item.

    `organization` is one named in the body or query; the header x-team-id goes after it, the cookie activeTeamId last. Raises Unauthorized (never
    faster than `credential_delay`), NotFound, OtherOrganization, UnknownOrganization, NotAMember, NoOrganization, MissingScope, Forbidden.
    """
    explicit = organization or headers.get("x-team-id") or None
    named = explicit or cookies.get("activeTeamId") or None
    decides = dialect.ITEM_DECIDES and (explicit is None or (about is not None and about.in_path))

    found = _identify(
        _credential(headers, bearer_first=dialect.BEARER_FIRST),
        organization=None if named is None else dialect.parse_id(named) or NO_ORGANIZATION,
        about=about,
        item_decides=decides,
    )
    for check in dialect.CHECKS:
        _CHECKS[check](found, permission, dialect.MISSING[about.kind] if about else "")

    if found.organization_id is None or found.organization_name is None or found.role is None:
        raise NoOrganization("No organization")   # only a dialect that forgot to check the organization comes here
    return Caller(
        user_id=found.user_id,
        email=found.email,
        user_name=found.user_name,
        key_id=found.key_id,
        scopes=_scopes(found),
        organization_id=found.organization_id,
        organization_name=found.organization_name,
        role=found.role,
    )


def _credential(headers: Mapping[str, str], *, bearer_first: bool) -> str | None:
    """None when there is none. An empty header counts as absent: some clients send one instead of none."""
    authorization = headers.get("authorization", "")
    bearer = authorization.removeprefix("Bearer ").strip() if authorization.startswith("Bearer ") else ""
    key = headers.get("x-api-key", "").strip()
    return ((bearer or key) if bearer_first else (key or bearer)) or None


def _identify(credential: str | None, *, organization: UUID | None, about: About | None, item_decides: bool) -> Identity:
    began = time.monotonic()
    rows = read(Nobody(), identity.authenticate(
        fingerprint(credential),
        organization=organization,
        item_kind=about.kind if about else None,
        item_id=about.id if about else None,
        item_key=about.key if about else None,
        item_decides=item_decides,
    )) if credential is not None and API_KEY.match(credential) else []
    if not rows:
        time.sleep(max(0.0, settings().credential_delay - (time.monotonic() - began)))
        raise Unauthorized
    return rows[0]


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
    if permission.scope is not None and not grants(_scopes(found), permission.scope):
        raise MissingScope(permission.scope)


def _role(found: Identity, permission: Permission, _: str) -> None:
    if found.role not in permission.roles:
        able = [role for role in ROLES if role in permission.roles]
        raise Forbidden(f"This takes the role {' or '.join([', '.join(able[:-1]), able[-1]] if able[1:] else able)}; yours is {found.role}")


_CHECKS: dict[Check, Callable[[Identity, Permission, str], None]] = {"item": _item, "organization": _organization, "scope": _scope, "role": _role}


def _scopes(found: Identity) -> frozenset[str] | None:
    return None if found.scopes is None else frozenset(found.scopes)
