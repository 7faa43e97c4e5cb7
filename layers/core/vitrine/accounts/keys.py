"""The caller's own API keys, `/api/auth/api-keys`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import BeforeValidator, Field, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from vitrine.dialects.formats import MAX_SCOPES, Input, Time, parse_time, require_id, show_time
from vitrine.errors import Invalid
from vitrine.library import keys
from vitrine.permissions import SCOPES

if TYPE_CHECKING:
    from uuid import UUID

    from vitrine.models.people import ApiKey


def parse_key_id(text: str) -> UUID:
    """Read the id of a key from the path. Raises NotFound when the text is not an id."""
    return require_id(text, keys.MISSING)


# Requests.


def _validate_time(value: object) -> datetime:
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        raise PydanticCustomError("moment", "Must be a time with its zone, as in 2027-01-31T12:00:00Z")
    return moment


def _validate_scopes(value: object) -> list[str]:
    """Check the length of the list and the types of its elements. The library checks which scopes exist."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    if not 1 <= len(listed) <= MAX_SCOPES or not all(isinstance(scope, str) for scope in listed):
        raise PydanticCustomError("scopes", "Must be an array of scopes")  # one issue, however long the list
    return cast("list[str]", listed)


Moment = Annotated[
    datetime, BeforeValidator(_validate_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
Scopes = Annotated[
    list[str],
    BeforeValidator(_validate_scopes),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "enum": list(SCOPES)},
            "minItems": 1,
            "maxItems": MAX_SCOPES,
        }
    ),
]


class NewKey(Input):
    """POST /api/auth/api-keys: the key expires at a time, after a time, or never."""

    name: str
    scopes: Scopes
    expiresAt: Moment | None = None
    expiresIn: StrictInt | None = None  # seconds

    def expires_at(self) -> datetime | None:
        """Return when the key expires; None: never. Raises Invalid."""
        if self.expiresIn is None:
            return self.expiresAt
        if self.expiresAt is not None:
            raise Invalid("Give expiresAt or expiresIn, not both")
        most = int(keys.LONGEST_LIFE.total_seconds())
        if not 1 <= self.expiresIn <= most:
            raise Invalid(f"expiresIn must be 1 to {most} seconds")
        return datetime.now(UTC) + timedelta(seconds=self.expiresIn)


class KeyChange(Input):
    """PATCH /api/auth/api-keys/{id}: absent fields stay as they are."""

    name: str = ""
    scopes: Scopes = Field(default_factory=list[str])
    expiresAt: Moment | None = None  # null: never

    def change(self) -> keys.KeyUpdate:
        """Return the changes that were sent. Raises Invalid when no field was sent."""
        if not self.model_fields_set:
            raise Invalid("Give name, scopes or expiresAt")
        return keys.KeyUpdate(
            name=self.sent("name", self.name),
            scopes=self.sent("scopes", self.scopes),
            expires_at=self.sent("expiresAt", self.expiresAt),
        )


class Rotation(Input):
    """POST /api/auth/api-keys/{id}/rotate"""

    overlap: StrictInt = 0  # seconds for which the old key works beside the new one


# Answers.


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
    key: str  # the secret, in this answer alone


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


def show_keys(listed: list[ApiKey]) -> Keys:
    return {"apiKeys": [show_key(key) for key in listed]}


def show_one_key(key: ApiKey) -> OneKey:
    return {"apiKey": show_key(key)}


def show_minted_key(minted: keys.Minted) -> NewOne:
    return {"apiKey": show_key(minted.key), "key": minted.secret}


def show_rotated_key(rotated: keys.Rotated) -> Replaced:
    return {**show_minted_key(rotated.minted), "previous": show_key(rotated.previous)}
