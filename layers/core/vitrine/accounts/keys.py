"""What the endpoints of API keys take and answer, under `/api/auth/api-keys`. Times that come in have a
zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import BeforeValidator, Field, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from vitrine.dialects.formats import MOST_SCOPES, Input, parse_moment
from vitrine.dialects.studio import Time, show_time
from vitrine.errors import Invalid
from vitrine.library import keys
from vitrine.permissions import SCOPES

if TYPE_CHECKING:
    from vitrine.models.people import ApiKey

# What comes in.


def _a_moment(value: object) -> datetime:
    found = parse_moment(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("moment", "Must be a time with its zone, as in 2027-01-31T12:00:00Z")
    return found


def _some_scopes(value: object) -> list[str]:
    listed = cast("list[object]", value) if isinstance(value, list) else []
    if not 1 <= len(listed) <= MOST_SCOPES or not all(isinstance(scope, str) for scope in listed):
        raise PydanticCustomError("scopes", "Must be an array of scopes")  # one issue, however long the list
    return cast("list[str]", listed)


Moment = Annotated[
    datetime, BeforeValidator(_a_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
Scopes = Annotated[
    list[str],
    BeforeValidator(_some_scopes),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "enum": list(SCOPES)},
            "minItems": 1,
            "maxItems": MOST_SCOPES,
        }
    ),
]


class NewKey(Input):
    """A key to be made: with an end, by time or by life, or without."""

    name: str
    scopes: Scopes
    expiresAt: Moment | None = None
    expiresIn: StrictInt | None = None  # seconds

    def end(self) -> datetime | None:
        """Raises Invalid."""
        if self.expiresIn is None:
            return self.expiresAt
        if self.expiresAt is not None:
            raise Invalid("Give expiresAt or expiresIn, not both")
        most = int(keys.LONGEST_LIFE.total_seconds())
        if not 1 <= self.expiresIn <= most:
            raise Invalid(f"expiresIn must be 1 to {most} seconds")
        return datetime.now(UTC) + timedelta(seconds=self.expiresIn)


class KeyChange(Input):
    """What is to be changed of a key; the rest stays."""

    name: str = ""
    scopes: Scopes = Field(default_factory=list[str])
    expiresAt: Moment | None = None  # null: never

    def change(self) -> keys.Change:
        """Raises Invalid when it is none."""
        if not self.model_fields_set:
            raise Invalid("Give name, scopes or expiresAt")
        return keys.Change(
            name=self.sent("name", self.name),
            scopes=self.sent("scopes", self.scopes),
            expires_at=self.sent("expiresAt", self.expiresAt),
        )


class Rotation(Input):
    """How long the old key works beside the new one."""

    overlap: StrictInt = 0  # seconds


# What goes out.


class Key(TypedDict):
    id: str
    name: str
    keyPrefix: str  # to recognize the key by
    scopes: list[str]
    status: Literal["active", "expired", "inactive"]  # inactive: revoked
    lastUsedAt: Time | None  # within five minutes
    expiresAt: Time | None
    revokedAt: Time | None  # in the future: rotated, and works until then
    createdAt: Time
    updatedAt: Time


class Keys(TypedDict):
    apiKeys: list[Key]


class OneKey(TypedDict):
    apiKey: Key


class NewOne(OneKey):
    key: str  # shown this once


class Replaced(NewOne):
    previous: Key


def show_key(key: ApiKey) -> Key:
    return {
        "id": key.id.hex,
        "name": key.name,
        "keyPrefix": key.prefix,
        "scopes": key.scopes,
        "status": key.state,
        "lastUsedAt": show_time(key.last_used_at) if key.last_used_at else None,
        "expiresAt": show_time(key.expires_at) if key.expires_at else None,
        "revokedAt": show_time(key.revoked_at) if key.revoked_at else None,
        "createdAt": show_time(key.created_at),
        "updatedAt": show_time(key.updated_at),
    }


def show_keys(found: list[ApiKey]) -> Keys:
    return {"apiKeys": [show_key(key) for key in found]}


def show_one(key: ApiKey) -> OneKey:
    return {"apiKey": show_key(key)}


def show_new(minted: keys.Minted) -> NewOne:
    return {"apiKey": show_key(minted.key), "key": minted.secret}


def show_rotated(rotated: keys.Rotated) -> Replaced:
    return {**show_new(rotated.minted), "previous": show_key(rotated.previous)}
