"""The caller's own API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import MAX_SCOPES, Time, parse_time, require_id, show_time
from vitrine.dialects.v1.envelope import Info, info
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import Invalid
from vitrine.library import keys

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from vitrine.models.people import ApiKey


def parse_key_id(text: str) -> UUID:
    """Read the id of a key from the path. Raises NotFound when the text is not an id."""
    return require_id(text, keys.MISSING)


class NewKey(Schema):
    """POST /api/v1/api-keys"""

    name: str
    scopes: list[str] = Field(max_length=MAX_SCOPES)
    expiresAt: str | None = None  # null: never

    def expires_at(self) -> datetime | None:
        """Return when the key expires; None: never. Raises Invalid."""
        moment = None if self.expiresAt is None else parse_time(self.expiresAt)
        if self.expiresAt is not None and moment is None:
            raise Invalid("expiresAt must be a time with its zone, as in 2027-01-31T12:00:00Z")
        return moment


class Key(TypedDict):
    id: str
    name: str
    keyPrefix: str
    scopes: list[str]
    status: Literal["active", "expired", "inactive"]  # inactive: revoked
    lastUsedAt: Time | None  # within five minutes
    expiresAt: Time | None
    createdAt: Time


class MintedOne(Key):
    key: str  # the secret, in this answer alone


class Revocation(TypedDict):
    revoked: Literal[True]
    id: str
    name: str


class KeyList(TypedDict):
    success: Literal[True]
    data: list[Key]
    info: Info


class MintedKey(TypedDict):
    success: Literal[True]
    data: MintedOne
    info: Info


class RevokedKey(TypedDict):
    success: Literal[True]
    data: Revocation
    info: Info


def show_keys(listed: list[ApiKey]) -> KeyList:
    return {"success": True, "data": [_show_key(key) for key in listed], "info": info()}


def show_minted_key(minted: keys.Minted) -> MintedKey:
    return {"success": True, "data": {**_show_key(minted.key), "key": minted.secret}, "info": info()}


def show_revoked_key(key: ApiKey) -> RevokedKey:
    return {"success": True, "data": {"revoked": True, "id": str(key.id), "name": key.name}, "info": info()}


def _show_key(key: ApiKey) -> Key:
    return {
        "id": str(key.id),
        "name": key.name,
        "keyPrefix": key.prefix,
        "scopes": key.scopes,
        "status": key.state,
        "lastUsedAt": show_time(key.last_used_at) if key.last_used_at else None,
        "expiresAt": show_time(key.expires_at) if key.expires_at else None,
        "createdAt": show_time(key.created_at),
    }
