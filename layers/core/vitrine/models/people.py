"""Who asks, and who belongs where: callers, accounts, API keys, members of organizations.

Sizes are bytes, durations seconds, times aware datetimes in UTC.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dataclasses import dataclass
    from datetime import datetime
    from uuid import UUID
else:
    from vitrine.records import dataclass

Role = Literal["owner", "admin", "editor", "member", "viewer"]

ItemKind = Literal["organization", "collection", "media", "folder", "upload", "upload_version", "upload_key"]

MAX_KEY_NAME = 100

MAX_EMAIL = 320  # code points: 64, an @, 255

# seconds that a session lasts of who did not want to be remembered, on a computer that may be anybody's
UNREMEMBERED = 24 * 3600


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, wherever they belong."""

    user_id: UUID
    email: str
    user_name: str
    key_id: UUID | None  # None: a session
    scopes: frozenset[str] | None  # None: all, as a session has
    session_id: UUID | None = field(default=None, kw_only=True)  # None: an API key


@dataclass(frozen=True, slots=True)
class Caller(Person):
    """Somebody, in one organization: the only one that their transactions open."""

    organization_id: UUID
    organization_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Nobody:
    """No credentials: opens no organization, sees no tenant's row."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """An event's own organization, looked up by what the event is about."""

    organization_id: UUID


@dataclass(frozen=True, slots=True)
class Worker:
    """A scheduled job: the only one that crosses organizations."""


Actor = Caller | Nobody | Consumer | Worker


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, as they see themselves."""

    id: UUID
    email: str
    name: str
    image: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    password_hash: str | None = field(default=None, repr=False)  # None: without a password, or not looked up


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is open, as the person in it sees it."""

    id: UUID
    account: Account
    active_organization_id: UUID | None
    address: str | None
    user_agent: str | None
    created_at: datetime
    seen_at: datetime  # within a day
    expires_at: datetime
    life: int  # seconds after each use
    token_number: int  # which of the tokens shown is its own, from 1

    @property
    def remembered(self) -> bool:
        """Whether it is to outlive the browser's being closed. A shorter `session_ttl` makes all sessions
        such that are not: who then comes back
        after that time signs in again.
        """
        return self.life > UNREMEMBERED


@dataclass(frozen=True, slots=True)
class Identity:
    """What one look at the credentials and a route's item says."""

    # which of those that were shown, from 1; None: none is good, then all about the person is None
    credential_number: int | None
    user_id: UUID | None
    email: str | None
    user_name: str | None
    key_id: UUID | None
    session_id: UUID | None
    scopes: list[str] | None
    organization_state: Literal["member", "stranger", "absent", "none"]
    organization_id: UUID | None
    organization_name: str | None
    role: Role | None
    item_state: Literal["here", "elsewhere", "absent", "none"]
    hits: int | None  # requests of this window, this one counted; None: not counted
    resets_at: datetime | None
    bucket: str | None  # what was counted
    # whether the organization chosen earlier is one of the person's; None: none was chosen, or nobody asks
    preferred_is_own: bool | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner may see it: never the key itself, which is known only when it is made."""

    id: UUID
    name: str
    prefix: str  # its first 16 characters, to recognize it by
    scopes: list[str]
    state: Literal["active", "expired", "inactive"]  # inactive: revoked
    last_used_at: datetime | None  # written at most every five minutes; None: never used
    expires_at: datetime | None  # None: never
    revoked_at: datetime | None  # in the future: it was rotated, and works until then; None: neither
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An organization, as one of its people is in it."""

    id: UUID  # of the organization
    name: str
    slug: str
    created_at: datetime
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """A person, as they are in an organization."""

    user_id: UUID
    organization_id: UUID
    email: str
    name: str
    image: str | None
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whoever has this e-mail address, and shows the token, may join."""

    id: UUID
    organization_id: UUID
    email: str
    role: Role
    status: Literal["pending", "accepted", "canceled"]  # pending also when it has expired
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
