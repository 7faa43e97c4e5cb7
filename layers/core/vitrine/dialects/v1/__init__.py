"""The v1 API, `/api/v1/...`: ids with hyphens, every answer in an envelope, input validated as zod 4 does.

`V1` is the dialect. Each module of this package has the bodies, queries and answers of one noun. A function
imports the nouns that it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from vitrine.dialects.dialect import Dialect
from vitrine.dialects.formats import parse_id
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.v1.errors import error_answer, internal_error
from vitrine.dialects.v1.zod import Schema
from vitrine.permissions import V1_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M], value: object) -> M:
    """Validate a body as zod does. The model is a Schema. Raises Mismatch."""
    return _read(model, value, coerced=False)


def read_query(model: type[M], values: Mapping[str, str]) -> M:
    """Coerce the texts of a query as JavaScript does, and validate them as zod does. The model is a Schema.

    Raises Mismatch.
    """
    return _read(model, values, coerced=True)


def _read(model: type[M], value: object, *, coerced: bool) -> M:
    if not issubclass(model, Schema):
        raise TypeError(f"{model.__name__} is not a Schema")
    return model.read(value, coerced=coerced)


V1 = Dialect(
    bearer_first=True,
    # The team is the one that the request names, or the earliest membership. An item of another team is not
    # found.
    item_decides=False,
    session_decides=False,  # clients name the team by header or cookie
    limits=V1_LIMITS,
    checks=("scope", "organization", "role", "item"),
    missing=STUDIO.missing,
    parse_id=parse_id,
    read_body=read_body,
    read_query=read_query,
    error_answer=error_answer,
    internal_error=internal_error,
)
