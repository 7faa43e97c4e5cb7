"""GET /api/auth/organization/list-members"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.given.answers import outcome
from tests.given.members import ORGANIZATION, PersonWithKey
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_members_are_listed_earliest_first(tenant: Tenant, stranger: Tenant) -> None:
    people = [PersonWithKey.of(tenant, "viewer"), PersonWithKey.of(tenant, "admin")]
    organizations.add_member(stranger.id, people[0].id, "owner")

    answer = tenant.studio.get(f"{ORGANIZATION}/list-members")

    assert outcome(answer) == (
        200,
        {
            "members": [
                PersonWithKey.owning(tenant).shown(tenant, "owner"),
                people[0].shown(tenant, "viewer"),
                people[1].shown(tenant, "admin"),
            ],
            "total": 3,
        },
    )


def test_every_member_may_list_the_named_organization(tenant: Tenant, stranger: Tenant) -> None:
    viewer = PersonWithKey.of(tenant, "viewer")
    organizations.add_member(stranger.id, viewer.id, "viewer")

    def ids(**query: str) -> list[str]:
        return [
            each["userId"]
            for each in viewer.signed_in().get(f"{ORGANIZATION}/list-members", params=query).json()["members"]
        ]

    assert ids() == ids(organizationId=tenant.id.hex) == [tenant.owner.user_id.hex, viewer.id.hex]
    assert ids(organizationId=str(stranger.id)) == [stranger.owner.user_id.hex, viewer.id.hex]


def test_limit_and_offset_select_a_page(tenant: Tenant) -> None:
    people = [PersonWithKey.of(tenant, "member") for _ in range(3)]

    answer = tenant.studio.get(f"{ORGANIZATION}/list-members", params={"limit": 2, "offset": 1}).json()
    beyond = tenant.studio.get(f"{ORGANIZATION}/list-members", params={"offset": 2**31 - 1}).json()

    assert ([each["id"] for each in answer["members"]], answer["total"]) == (
        [people[0].id.hex, people[1].id.hex],
        4,
    )
    assert beyond == {"members": [], "total": 4}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": str(2**31)}, "offset"),
        ({"organizationId": "x"}, "organizationId"),
    ],
)
def test_an_invalid_query_is_rejected(tenant: Tenant, query: dict[str, Any], path: str) -> None:
    answer = tenant.studio.get(f"{ORGANIZATION}/list-members", params=query)

    assert (
        answer.status_code,
        answer.json()["code"],
        [each["path"] for each in answer.json()["details"]],
    ) == (400, "invalid", [[path]])
