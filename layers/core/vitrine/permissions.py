"""The permission table: operation -> scope, roles, rate tier. One table for both dialects, the documents
and the tests.
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
    """What an operation asks of its caller."""

    scope: str | None  # None: any credential will do
    # in the organization of the request; None: whoever is known, in no organization
    roles: frozenset[Role] | None
    tier: Tier
    session: bool = False  # only a signed-in person, no API key
    or_scope: str | None = None  # another that reaches as well as `scope`

    @property
    def scopes(self) -> tuple[str, ...]:
        """Any of them reaches; the first is the one that a refusal names. Empty: any credential will do."""
        return tuple(scope for scope in (self.scope, self.or_scope) if scope is not None)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often a tier may be used: by each credential, by an organization as a whole, or from an address."""

    name: str  # in buckets and headers
    per: Literal["credential", "organization", "address"]
    seconds: int = 60  # of a window
    counts_as: str = ""  # the limit whose setting says how many requests, where that is not its own

    @property
    def setting(self) -> str:
        """The name of the setting that says how many requests."""
        return f"{self.counts_as or self.name}_limit"


_AUTH = RateLimit("auth", "address", 900)  # guesses: what succeeds is taken back where the endpoint says so
# new accounts count: apart, so that they keep nobody from signing in
_SIGN_UP = RateLimit("sign_up", "address", 900, counts_as="auth")
_DEVICE = RateLimit("device", "address", 900)  # logins begun at devices: guess nothing, but each is a row
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


PERMISSIONS: dict[str, Permission] = {
    "me.read": Permission(None, EVERYBODY, "read"),
    "organization.usage": Permission("media:read", EVERYBODY, "read"),
    "collection.list": Permission("media:read", EVERYBODY, "read"),
    "collection.create": Permission("media:write", EDITORS, "write"),
    "folder.create": Permission("media:write", EDITORS, "write"),
    "media.browse": Permission("media:read", EVERYBODY, "read"),
    "media.read": Permission("media:read", EVERYBODY, "read"),
    "media.list": Permission("media:read", EVERYBODY, "read"),
    "media.check": Permission("media:read", EVERYBODY, "read"),
    "media.delete": Permission("media:delete", ADMINS, "write"),
    "media.restore": Permission("media:delete", ADMINS, "write"),
    "trash.list": Permission("media:read", EVERYBODY, "read"),
    # Places
    "media.update": Permission("media:write", EDITORS, "write"),
    "media.move": Permission("media:write", EDITORS, "write"),
    "folder.read": Permission("media:read", EVERYBODY, "read"),
    "folder.update": Permission("media:write", EDITORS, "write"),
    "folder.delete": Permission("media:delete", ADMINS, "write"),
    # Versions
    "version.list": Permission("media:read", EVERYBODY, "read"),
    "version.select": Permission("media:write", EDITORS, "write"),
    "version.delete": Permission("media:delete", ADMINS, "write"),
    # Reprocessing
    "media.reprocess": Permission("media:write", EDITORS, "write"),
    "collection.reprocess": Permission("media:write", EDITORS, "write"),
    # Tags
    "media.tag": Permission("media:write", EDITORS, "write"),
    # Many items at once: of who names no action that there is, and of actions that have no operation of their
    # own here.
    "media.bulk": Permission("media:write", EDITORS, "write"),
    "tag.list": Permission("media:read", EVERYBODY, "read"),
    "duplicate.list": Permission("media:read", EVERYBODY, "read"),
    # Tags by id, as v1 has them. Deleting one takes it from every item, and nothing brings it back.
    "media.list_tags": Permission("media:read", EVERYBODY, "read"),
    "media.add_tag": Permission("media:write", EDITORS, "write"),
    "media.set_tags": Permission("media:write", EDITORS, "write"),
    "media.remove_tag": Permission("media:write", EDITORS, "write", or_scope="media:delete"),
    "tag.create": Permission("media:write", EDITORS, "write"),
    "tag.update": Permission("media:write", EDITORS, "write"),
    "tag.delete": Permission("media:delete", ADMINS, "write"),
    "upload.create": Permission("media:write", EDITORS, "upload"),
    "upload.read": Permission("media:write", EDITORS, "upload"),
    "upload.sign": Permission("media:write", EDITORS, "upload"),
    "upload.complete": Permission("media:write", EDITORS, "upload"),
    "upload.abort": Permission("media:write", EDITORS, "upload"),
    # v1's form of several files, and what lies at a URL.
    "media.upload": Permission("media:write", EDITORS, "upload"),
    "media.upload_limits": Permission("media:read", EVERYBODY, "read"),
    "media.register": Permission("media:write", EDITORS, "write"),
    # One collection.
    "collection.read": Permission("media:read", EVERYBODY, "read"),
    "collection.update": Permission("media:write", ADMINS, "write"),
    "collection.delete": Permission("media:delete", ADMINS, "write"),
    "collection.restore": Permission("media:delete", ADMINS, "write"),
    # Keys: always the caller's own.
    "key.list": Permission("admin:api-keys", ADMINS, "read"),
    "key.create": Permission("admin:api-keys", ADMINS, "write"),
    "key.update": Permission("admin:api-keys", ADMINS, "write"),
    "key.revoke": Permission("admin:api-keys", ADMINS, "write"),
    "key.rotate": Permission("admin:api-keys", ADMINS, "write"),
    # Logins at devices
    "device.decide": Permission(None, None, "auth", session=True),
    # Organizations and their members. Only an owner makes, changes or removes one: the database judges that,
    # since it is about who acts on whom.
    "organization.list": Permission(None, None, "read"),
    "organization.choose": Permission(None, None, "write", session=True),
    "organization.create": Permission("admin:users", None, "write"),
    "organization.update": Permission("admin:users", ADMINS, "write"),
    "organization.leave": Permission("admin:users", EVERYBODY, "write"),
    "member.list": Permission("admin:users", EVERYBODY, "read"),
    # tells whether an address has an account: counted as guessing is
    "member.add": Permission("admin:users", ADMINS, "auth"),
    "member.change_role": Permission("admin:users", ADMINS, "write"),
    "member.remove": Permission("admin:users", ADMINS, "write"),
    "invitation.list": Permission("admin:users", ADMINS, "read"),
    "invitation.create": Permission("admin:users", ADMINS, "write"),
    "invitation.cancel": Permission("admin:users", ADMINS, "write"),
    "invitation.accept": Permission("admin:users", None, "write"),
    "team.switch": Permission(None, None, "write"),
    # People. Who signs up, in or out is nobody yet, or nobody any more.
    "password.change": Permission(None, None, "auth", session=True),
}


def grants(scopes: frozenset[str] | None, wanted: str | None) -> bool:
    """Whether these scopes (None: a session, which has all) reach the wanted one."""
    return wanted is None or scopes is None or wanted in scopes or "*" in scopes
