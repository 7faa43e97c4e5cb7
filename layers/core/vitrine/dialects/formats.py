"""How ids, times and API keys are written in requests, in every dialect."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vitrine.errors import NotFound
from vitrine.library import keys
from vitrine.models.pages import STAYS, Stays

V = TypeVar("V")


class Input(BaseModel):
    """What a request says. Built when it is first used: a function uses one of many, and a cold start
    would pay for all.
    """

    model_config = ConfigDict(defer_build=True, allow_inf_nan=False)

    def sent(self, field: str, value: V) -> V | Stays:
        """The field's value; STAYS where the request does not say it."""
        return value if field in self.model_fields_set else STAYS


# How an item is described, in every dialect alike. v1 counts UTF-16 units, the others and the database
# characters.
Title = Annotated[str, Field(max_length=255)]
Alt = Annotated[str, Field(max_length=500)]
Caption = Annotated[str, Field(max_length=1000)]

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def parse_id(text: str) -> UUID | None:
    """With hyphens or without; None when it is no id."""
    return UUID(text) if _ID.fullmatch(text) else None


MOST_SCOPES = 100  # in one list, repeated ones counted
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def parse_key_id(text: str) -> UUID:
    """Of the path. Raises NotFound when it is none: then there is no such key."""
    found = parse_id(text)
    if found is None:
        raise NotFound(keys.MISSING)
    return found


def parse_moment(text: str) -> datetime | None:
    """A time as RFC 3339 spells it, with its zone; None when it is none."""
    try:
        return datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
    except ValueError:  # the 31st of June
        return None
