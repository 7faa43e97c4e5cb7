"""The caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from vitrine import models


class Me(TypedDict):
    userId: str
    email: str
    name: str
    organizationId: str
    organizationName: str
    role: str


def show_me(caller: models.people.Caller) -> Me:
    return {
        "userId": caller.user_id.hex,
        "email": caller.email,
        "name": caller.user_name,
        "organizationId": caller.organization_id.hex,
        "organizationName": caller.organization_name,
        "role": caller.role,
    }
