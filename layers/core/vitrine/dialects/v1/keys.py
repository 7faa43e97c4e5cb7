"""What v1's endpoints of API keys take and answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import MOST_SCOPES, parse_key_id, parse_moment
from vitrine.dialects.studio import Time, show_time
from vitrine.dialects.v1.show import Info
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import Invalid

if TYPE_CHECKING:
    from vitrine.library.keys import Minted
    from vitrine.models.people import ApiKey

__all__ = [
    "KeyList",
    "MintedKey",
    "NewKey",
    "RevokedKey",
    "parse_key_id",
    "show_list",
    "show_minted",
    "show_revoked",
]


class NewKey(Schema):
    """A key to be made."""

    name: str
    scopes: list[str] = Field(max_length=MOST_SCOPES)
    expiresAt: str | None = None  # null: never

    def end(self) -> datetime | None:
        """Raises Invalid."""
        found = None if self.expiresAt is None else parse_moment(self.expiresAt)
        if self.expiresAt is not None and found is None:
            raise Invalid("expiresAt must be a time with its zone, as in 2027-01-31T12:00:00Z")
        return found


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
    key: str  # shown this once


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


def show_list(found: list[ApiKey]) -> KeyList:
    return {"success": True, "data": [_key(key) for key in found], "info": _now()}


def show_minted(minted: Minted) -> MintedKey:
    return {"success": True, "data": {**_key(minted.key), "key": minted.secret}, "info": _now()}


def show_revoked(key: ApiKey) -> RevokedKey:
    return {"success": True, "data": {"revoked": True, "id": str(key.id), "name": key.name}, "info": _now()}


def _key(key: ApiKey) -> Key:
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


def _now() -> Info:
    return {"timestamp": show_time(datetime.now(UTC))}
