"""The permission table: operation -> scope, roles, rate tier. One table for both dialects, the documents and the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

from vitrine.models import Role

Tier = Literal["read", "write", "upload", "auth"]

ROLES: tuple[Role, ...] = ("owner", "admin", "editor", "member", "viewer")
EVERYBODY: frozenset[Role] = frozenset(ROLES)
EDITORS: frozenset[Role] = frozenset(("owner", "admin", "editor"))
ADMINS: frozenset[Role] = frozenset(("owner", "admin"))

SCOPES = ("media:read", "media:write", "media:delete", "admin:api-keys", "admin:users", "*")


@dataclass(frozen=True, slots=True)
class Permission:
    """What an operation asks of its caller."""

    scope: str | None               # None: any credential will do
    roles: frozenset[Role] | None   # in the organization of the request; None: whoever is known, in no organization
    tier: Tier
    session: bool = False           # only a signed-in person, no API key


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often a tier may be used: by each credential, by an organization as a whole, or from an address."""

    name: str                       # of its setting, which says how many requests, less `_limit`
    per: Literal["credential", "organization", "address"]
    seconds: int = 60               # of a window


_AUTH = RateLimit("auth", "address", 900)
STUDIO_LIMITS: Mapping[Tier, RateLimit] = {
    "read": RateLimit("studio_read", "organization"), "write": RateLimit("studio_write", "organization"),
    "upload": RateLimit("upload", "organization"), "auth": _AUTH,
}  # fmt: skip
V1_LIMITS: Mapping[Tier, RateLimit] = {
    "read": RateLimit("v1_read", "credential"), "write": RateLimit("v1_write", "credential"),
    "upload": RateLimit("v1_write", "credential"), "auth": _AUTH,
}  # fmt: skip


PERMISSIONS: dict[str, Permission] = {
    "me.read":             Permission(None, EVERYBODY, "read"),
    "organization.usage":  Permission("media:read", EVERYBODY, "read"),
    "collection.list":     Permission("media:read", EVERYBODY, "read"),
    "collection.create":   Permission("media:write", EDITORS, "write"),
    "folder.create":       Permission("media:write", EDITORS, "write"),
    "media.browse":        Permission("media:read", EVERYBODY, "read"),
    "media.read":          Permission("media:read", EVERYBODY, "read"),
    "media.list":          Permission("media:read", EVERYBODY, "read"),
    "media.delete":        Permission("media:delete", ADMINS, "write"),
    # Places
    "media.update":        Permission("media:write", EDITORS, "write"),
    "media.move":          Permission("media:write", EDITORS, "write"),
    "folder.read":         Permission("media:read", EVERYBODY, "read"),
    "folder.update":       Permission("media:write", EDITORS, "write"),
    "folder.delete":       Permission("media:delete", ADMINS, "write"),
    "upload.create":       Permission("media:write", EDITORS, "upload"),
    "upload.read":         Permission("media:write", EDITORS, "upload"),
    "upload.sign":         Permission("media:write", EDITORS, "upload"),
    "upload.complete":     Permission("media:write", EDITORS, "upload"),
    "upload.abort":        Permission("media:write", EDITORS, "upload"),
}


def grants(scopes: frozenset[str] | None, wanted: str | None) -> bool:
    """Whether these scopes (None: a session, which has all) reach the wanted one."""
    return wanted is None or scopes is None or wanted in scopes or "*" in scopes
