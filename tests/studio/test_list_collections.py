"""GET /api/organization/{orgId}/datasets"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.shapes import A_TIME, AN_ID
from vitrine.library import organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_the_collections_are_listed_oldest_first(tenant: Tenant) -> None:
    for name, icon in (("Second", "camera"), ("Second", None)):
        tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": name, "icon": icon})

    answer = tenant.studio.get(f"/api/organization/{tenant.id.hex}/datasets")

    common = {"type": "dataset", "organizationId": tenant.id.hex, "createdAt": A_TIME, "updatedAt": A_TIME}
    assert (answer.status_code, answer.json()) == (
        200,
        [
            {**common, "id": tenant.collection_id.hex, "name": "Default", "icon": None, "isDefault": True},
            {**common, "id": AN_ID, "name": "Second", "icon": "camera", "isDefault": False},
            {**common, "id": AN_ID, "name": "Second", "icon": None, "isDefault": False},
        ],
    )


def test_both_formats_of_an_id_are_accepted(tenant: Tenant) -> None:
    plain, hyphened = (
        tenant.studio.get(f"/api/organization/{name}/datasets")
        for name in (tenant.id.hex.upper(), str(tenant.id))
    )

    assert (plain.status_code, plain.json()) == (200, hyphened.json())


def test_the_organization_in_the_path_wins_over_a_header(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")

    listed = tenant.studio.get(
        f"/api/organization/{stranger.id.hex}/datasets", headers={"x-team-id": str(tenant.id)}
    ).json()

    assert [each["id"] for each in listed] == [stranger.collection_id.hex]
