"""Teams. A team is an organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import parse_id
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.v1.envelope import Info, info
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
        """Return the id of the chosen organization. Raises UnknownOrganization for a text that is not an id;
        a malformed header x-team-id causes that error too.
        """
        team = parse_id(self.teamId)
        if team is None:
            raise UnknownOrganization(STUDIO.missing["organization"])
        return team


class Team(TypedDict):
    id: str
    name: str
    slug: str
    role: Role  # of the caller


class OneTeam(TypedDict):
    success: Literal[True]
    data: Team
    info: Info


class Teams(TypedDict):
    success: Literal[True]
    data: list[Team]
    info: Info


def show_one_team(membership: models.people.Membership) -> OneTeam:
    return {"success": True, "data": _show_team(membership), "info": info()}


def show_teams(memberships: Sequence[models.people.Membership]) -> Teams:
    return {
        "success": True,
        "data": [_show_team(membership) for membership in memberships],
        "info": info(),
    }


def _show_team(membership: models.people.Membership) -> Team:
    return {
        "id": str(membership.id),
        "name": membership.name,
        "slug": membership.slug,
        "role": membership.role,
    }
