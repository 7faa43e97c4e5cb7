"""What v1's endpoints of teams take and answer. A team is an organization."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from typing_extensions import TypedDict

from vitrine.dialects import Input
from vitrine.dialects.studio import Id, show_time
from vitrine.dialects.v1.show import Info
from vitrine.models import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models


class Chosen(Input):
    """POST /api/v1/teams/switch"""

    teamId: Id


class Team(TypedDict):
    id: str
    name: str
    slug: str
    role: Role   # of who asks


class OneTeam(TypedDict):
    success: Literal[True]
    data: Team
    info: Info


class Teams(TypedDict):
    success: Literal[True]
    data: list[Team]
    info: Info


def show_team(membership: models.Membership) -> OneTeam:
    return {"success": True, "data": _team(membership), "info": {"timestamp": show_time(datetime.now(UTC))}}


def show_teams(memberships: Sequence[models.Membership]) -> Teams:
    return {"success": True, "data": [_team(membership) for membership in memberships], "info": {"timestamp": show_time(datetime.now(UTC))}}


def _team(membership: models.Membership) -> Team:
    return {"id": str(membership.id), "name": membership.name, "slug": membership.slug, "role": membership.role}
