"""People, organizations and credentials: callers, accounts, API keys, memberships and invitations.

Times are aware datetimes in UTC.
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

# seconds that a session lasts for people who did not ask to be remembered: the computer may be a shared one
UNREMEMBERED = 24 * 3600


@dataclass(frozen=True, slots=True)
class Person:
    """An authenticated person, outside any organization."""

    user_id: UUID
    email: str
    user_name: str
    key_id: UUID | None  # None: authenticated by a session
    scopes: frozenset[str] | None  # None: all, as a session has
    session_id: UUID | None = field(default=None, kw_only=True)  # None: authenticated by an API key


@dataclass(frozen=True, slots=True)
class Caller(Person):
    """An authenticated person in one organization, the only one that their transactions open."""

    organization_id: UUID
    organization_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Nobody:
    """A request without credentials. Its transactions open no organization and see no tenant's row."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """An event's consumer. Its transactions open the organization of the event's subject."""

    organization_id: UUID


@dataclass(frozen=True, slots=True)
class Worker:
    """A scheduled job or an operator's command: the only actor whose transactions cross organizations."""


Actor = Caller | Nobody | Consumer | Worker


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account, as that person sees it."""

    id: UUID
    email: str
    name: str
    image: str | None
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    password_hash: str | None = field(default=None, repr=False)  # None: no password, or not looked up


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An open session, as its person sees it."""

    id: UUID
    account: Account
    active_organization_id: UUID | None
    address: str | None
    user_agent: str | None
    created_at: datetime
    seen_at: datetime  # accurate to a day
    expires_at: datetime
    life: int  # seconds after each use
    token_number: int  # index of this session's token among the tokens of the request, from 1

    @property
    def remembered(self) -> bool:
        """Whether the session outlives the closing of the browser.

        With a `session_ttl` of a day or less no session does: people sign in again after that time anyway.
        """
        return self.life > UNREMEMBERED


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to one authentication query: credential, organization, the route's item, rate limit."""

    # index of the accepted credential among those of the request, from 1; None: none is valid, and all
    # fields about the person are None too
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
    hits: int | None  # requests in the present window, including this one; None: not counted
    resets_at: datetime | None
    bucket: str | None  # the rate limit's counter
    # whether the person belongs to the organization that they selected earlier; None: none was selected, or
    # the request is anonymous
    preferred_is_own: bool | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, as its owner sees it. The secret itself is known only when the key is created."""

    id: UUID
    name: str
    prefix: str  # first 16 characters of the secret, to recognize the key by
    scopes: list[str]
    state: Literal["active", "expired", "inactive"]  # inactive: revoked
    last_used_at: datetime | None  # written at most every five minutes; None: never used
    expires_at: datetime | None  # None: never
    revoked_at: datetime | None  # in the future: rotated, and valid until then; None: neither
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An organization and one person's role in it."""

    id: UUID  # of the organization
    name: str
    slug: str
    created_at: datetime
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization."""

    user_id: UUID
    organization_id: UUID
    email: str
    name: str
    image: str | None
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer of membership to the person who has this e-mail address and presents the token."""

    id: UUID
    organization_id: UUID
    email: str
    role: Role
    status: Literal["pending", "accepted", "canceled"]  # an expired invitation is still pending
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
