"""What v1's endpoints of teams take and answer. A team is an organization."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import parse_id
from vitrine.dialects.studio import show_time
from vitrine.dialects.v1.show import Info
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import UnknownOrganization
from vitrine.models.people import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from vitrine import models


class Chosen(Schema):
    """POST /api/v1/teams/switch"""

    teamId: str = Field(min_length=1)

    def team(self) -> UUID:
        """Raises UnknownOrganization: what is no id names no team, as in the header x-team-id."""
        found = parse_id(self.teamId)
        if found is None:
            raise UnknownOrganization("Organization not found")
        return found


class Team(TypedDict):
    id: str
    name: str
    slug: str
    role: Role  # of who asks


class OneTeam(TypedDict):
    success: Literal[True]
    data: Team
    info: Info


class Teams(TypedDict):
    success: Literal[True]
    data: list[Team]
    info: Info


def show_team(membership: models.people.Membership) -> OneTeam:
    return {"success": True, "data": _team(membership), "info": {"timestamp": show_time(datetime.now(UTC))}}


def show_teams(memberships: Sequence[models.people.Membership]) -> Teams:
    return {
        "success": True,
        "data": [_team(membership) for membership in memberships],
        "info": {"timestamp": show_time(datetime.now(UTC))},
    }


def _team(membership: models.people.Membership) -> Team:
    return {
        "id": str(membership.id),
        "name": membership.name,
        "slug": membership.slug,
        "role": membership.role,
    }
