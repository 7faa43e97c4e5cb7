"""GET /api/v1/teams"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.members import PersonWithKey
from tests.given.shapes import A_TIME
from tests.given.tenants import Client
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def shown(tenant: Tenant, role: str) -> dict[str, object]:
    return {"id": str(tenant.id), "name": tenant.owner.organization_name, "slug": tenant.name, "role": role}


def test_teams_are_listed_the_default_one_first_whichever_is_named(tenant: Tenant, stranger: Tenant) -> None:
    person = PersonWithKey.of(stranger, "viewer")
    organizations.add_member(tenant.id, person.id, "admin")

    answers = [
        client.get("/api/v1/teams", headers={"x-team-id": "nonsense"})
        for client in (person.client, person.signed_in())
    ]

    assert [outcome(answer) for answer in answers] == [
        (
            200,
            {
                "success": True,
                "data": [shown(stranger, "viewer"), shown(tenant, "admin")],
                "info": {"timestamp": A_TIME},
            },
        )
    ] * 2


def test_a_person_in_no_team_gets_an_empty_list_with_any_key() -> None:
    key = organizations.add_key(PersonWithKey.new().id, "a key", ["media:read"])

    assert outcome(Client(key).get("/api/v1/teams")) == (
        200,
        {"success": True, "data": [], "info": {"timestamp": A_TIME}},
    )
