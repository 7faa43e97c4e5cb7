"""The permission table: operation -> scope, roles, rate tier. The dialects, the documents and the tests read
the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

from vitrine.models.people import Role

Tier = Literal["read", "write", "upload", "auth", "sign_up", "device"]

ROLES: tuple[Role, ...] = ("owner", "admin", "editor", "member", "viewer")
EVERYBODY: frozenset[Role] = frozenset(ROLES)
EDITORS: frozenset[Role] = frozenset(("owner", "admin", "editor"))
ADMINS: frozenset[Role] = frozenset(("owner", "admin"))

SCOPES = ("media:read", "media:write", "media:delete", "admin:api-keys", "admin:users", "*")


@dataclass(frozen=True, slots=True)
class Permission:
    """What an operation requires of its caller."""

    scope: str | None  # None: any credential is sufficient
    # in the organization of the request; None: the operation opens no organization
    roles: frozenset[Role] | None
    tier: Tier
    session: bool = False  # a session is required, an API key is not sufficient
    or_scope: str | None = None  # an alternative to `scope`

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of which any is sufficient; an error names the first. Empty: any credential is
        sufficient.
        """
        return tuple(scope for scope in (self.scope, self.or_scope) if scope is not None)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The rate limit of a tier: per credential, per organization as a whole, or per address."""

    name: str  # in names of buckets and in headers
    per: Literal["credential", "organization", "address"]
    seconds: int = 60  # of a window
    counts_as: str = ""  # the limit whose setting applies; "": its own

    @property
    def setting(self) -> str:
        """The name of the setting with the number of requests per window."""
        return f"{self.counts_as or self.name}_limit"


_AUTH = RateLimit("auth", "address", 900)  # guesses; endpoints with `failures_only` do not count successes
# New accounts are counted apart, so that they keep nobody from signing in.
_SIGN_UP = RateLimit("sign_up", "address", 900, counts_as="auth")
_DEVICE = RateLimit("device", "address", 900)  # device logins are no guesses, but each one is a row
STUDIO_LIMITS: Mapping[Tier, RateLimit] = {
    "read": RateLimit("studio_read", "organization"),
    "write": RateLimit("studio_write", "organization"),
    "upload": RateLimit("upload", "organization"),
    "auth": _AUTH,
    "sign_up": _SIGN_UP,
    "device": _DEVICE,
}
V1_LIMITS: Mapping[Tier, RateLimit] = {
    "read": RateLimit("v1_read", "credential"),
    "write": RateLimit("v1_write", "credential"),
    "upload": RateLimit("v1_write", "credential"),
    "auth": _AUTH,
    "sign_up": _SIGN_UP,
    "device": _DEVICE,
}


# fmt: off
PERMISSIONS: dict[str, Permission] = {
    # The caller, their password, and their devices.
    "me.read":              Permission(None,            EVERYBODY, "read"),
    "password.change":      Permission(None,            None,      "auth", session=True),
    "device.decide":        Permission(None,            None,      "auth", session=True),
    # Media.
    "media.list":           Permission("media:read",    EVERYBODY, "read"),
    "media.browse":         Permission("media:read",    EVERYBODY, "read"),
    "media.read":           Permission("media:read",    EVERYBODY, "read"),
    "media.check":          Permission("media:read",    EVERYBODY, "read"),
    "media.update":         Permission("media:write",   EDITORS,   "write"),
    "media.move":           Permission("media:write",   EDITORS,   "write"),
    "media.delete":         Permission("media:delete",  ADMINS,    "write"),
    "media.restore":        Permission("media:delete",  ADMINS,    "write"),
    "media.reprocess":      Permission("media:write",   EDITORS,   "write"),
    "media.register":       Permission("media:write",   EDITORS,   "write"),
    "media.upload":         Permission("media:write",   EDITORS,   "upload"),
    "media.upload_limits":  Permission("media:read",    EVERYBODY, "read"),
    # Many items at once: required for an unknown action, and for actions without an operation of their own.
    "media.bulk":           Permission("media:write",   EDITORS,   "write"),
    # Tags of an item, by name or id.
    "media.tag":            Permission("media:write",   EDITORS,   "write"),
    "media.list_tags":      Permission("media:read",    EVERYBODY, "read"),
    "media.add_tag":        Permission("media:write",   EDITORS,   "write"),
    "media.set_tags":       Permission("media:write",   EDITORS,   "write"),
    "media.remove_tag":     Permission("media:write",   EDITORS,   "write", or_scope="media:delete"),
    # Tags of an organization. Deleting one removes it from every item, and cannot be undone.
    "tag.list":             Permission("media:read",    EVERYBODY, "read"),
    "tag.create":           Permission("media:write",   EDITORS,   "write"),
    "tag.update":           Permission("media:write",   EDITORS,   "write"),
    "tag.delete":           Permission("media:delete",  ADMINS,    "write"),
    # Versions, duplicates and the trash.
    "version.list":         Permission("media:read",    EVERYBODY, "read"),
    "version.select":       Permission("media:write",   EDITORS,   "write"),
    "version.delete":       Permission("media:delete",  ADMINS,    "write"),
    "duplicate.list":       Permission("media:read",    EVERYBODY, "read"),
    "trash.list":           Permission("media:read",    EVERYBODY, "read"),
    # Collections.
    "collection.list":      Permission("media:read",    EVERYBODY, "read"),
    "collection.create":    Permission("media:write",   EDITORS,   "write"),
    "collection.read":      Permission("media:read",    EVERYBODY, "read"),
    "collection.update":    Permission("media:write",   ADMINS,    "write"),
    "collection.delete":    Permission("media:delete",  ADMINS,    "write"),
    "collection.restore":   Permission("media:delete",  ADMINS,    "write"),
    "collection.reprocess": Permission("media:write",   EDITORS,   "write"),
    # Folders.
    "folder.create":        Permission("media:write",   EDITORS,   "write"),
    "folder.read":          Permission("media:read",    EVERYBODY, "read"),
    "folder.update":        Permission("media:write",   EDITORS,   "write"),
    "folder.delete":        Permission("media:delete",  ADMINS,    "write"),
    # Uploads.
    "upload.create":        Permission("media:write",   EDITORS,   "upload"),
    "upload.read":          Permission("media:write",   EDITORS,   "upload"),
    "upload.sign":          Permission("media:write",   EDITORS,   "upload"),
    "upload.complete":      Permission("media:write",   EDITORS,   "upload"),
    "upload.abort":         Permission("media:write",   EDITORS,   "upload"),
    # Organizations and their members. Who may act on whom (only an owner makes, changes or removes an owner)
    # is checked in the database.
    "organization.list":    Permission(None,            None,      "read"),
    "organization.choose":  Permission(None,            None,      "write", session=True),
    "organization.create":  Permission("admin:users",   None,      "write"),
    "organization.update":  Permission("admin:users",   ADMINS,    "write"),
    "organization.leave":   Permission("admin:users",   EVERYBODY, "write"),
    "organization.usage":   Permission("media:read",    EVERYBODY, "read"),
    "team.switch":          Permission(None,            None,      "write"),
    "member.list":          Permission("admin:users",   EVERYBODY, "read"),
    # member.add reveals whether an address has an account: it is limited as guesses are.
    "member.add":           Permission("admin:users",   ADMINS,    "auth"),
    "member.change_role":   Permission("admin:users",   ADMINS,    "write"),
    "member.remove":        Permission("admin:users",   ADMINS,    "write"),
    "invitation.list":      Permission("admin:users",   ADMINS,    "read"),
    "invitation.create":    Permission("admin:users",   ADMINS,    "write"),
    "invitation.cancel":    Permission("admin:users",   ADMINS,    "write"),
    "invitation.accept":    Permission("admin:users",   None,      "write"),
    # API keys, always the caller's own.
    "key.list":             Permission("admin:api-keys",ADMINS,    "read"),
    "key.create":           Permission("admin:api-keys",ADMINS,    "write"),
    "key.update":           Permission("admin:api-keys",ADMINS,    "write"),
    "key.revoke":           Permission("admin:api-keys",ADMINS,    "write"),
    "key.rotate":           Permission("admin:api-keys",ADMINS,    "write"),
}
# fmt: on


def grants(scopes: frozenset[str] | None, wanted: str | None) -> bool:
    """Whether the scopes (None: a session, which has all) include the wanted one."""
    return wanted is None or scopes is None or wanted in scopes or "*" in scopes
