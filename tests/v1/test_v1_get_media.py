"""GET /api/v1/media/{id}"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given import pictures
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.shapes import A_TIME, hyphened
from vitrine.library import folders, organizations

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=81)
NOT_FOUND = (
    404,
    {"success": False, "error": "Media not found", "code": "HTTP_404", "info": {"timestamp": A_TIME}},
)


def test_one_file_is_shown_as_the_list_shows_it(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    answer = tenant.studio.get(f"/api/v1/media/{hyphened(photo)}")

    listed = tenant.studio.get("/api/v1/media").json()["data"]["data"][0]
    assert (answer.status_code, answer.json()) == (
        200,
        {"success": True, "data": listed, "info": {"timestamp": A_TIME}},
    )
    assert listed["id"] == hyphened(photo)


def test_an_id_is_accepted_in_both_formats_and_returned_in_one(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    shown = [
        tenant.studio.get(f"/api/v1/media/{name}").json()["data"]["id"]
        for name in (photo, photo.upper(), hyphened(photo).upper())
    ]

    assert shown == [hyphened(photo)] * 3


@pytest.mark.parametrize("name", ["nonsense", NOWHERE, "0", "%20"])
def test_a_missing_item_is_not_found(tenant: Tenant, name: str) -> None:
    answer = tenant.studio.get(f"/api/v1/media/{name}")

    assert (answer.status_code, answer.json()) == NOT_FOUND


def test_a_folder_is_not_a_file(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)

    answer = tenant.studio.get(f"/api/v1/media/{folder.id}")

    assert (answer.status_code, answer.json()) == NOT_FOUND


def test_a_file_that_is_not_verified_is_not_found(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    with owner() as connection:
        connection.execute(
            "update media set verified_at = null, processing = 'pending' where id = %s", [photo]
        )

    answer = tenant.studio.get(f"/api/v1/media/{photo}")

    assert (answer.status_code, answer.json()) == NOT_FOUND


def test_an_item_is_found_in_its_own_team_only(tenant: Tenant, stranger: Tenant) -> None:
    organizations.add_member(stranger.id, tenant.owner.user_id, "viewer")
    photo = stranger.ready(PHOTO)

    unnamed, wrong, right = (
        tenant.studio.get(f"/api/v1/media/{photo}", headers=header)
        for header in ({}, {"x-team-id": str(tenant.id)}, {"x-team-id": str(stranger.id)})
    )

    assert (unnamed.status_code, unnamed.json()) == NOT_FOUND
    assert (wrong.status_code, wrong.json()) == NOT_FOUND
    assert right.status_code == 200


def test_a_team_is_rejected_before_the_item_is_looked_up(tenant: Tenant, stranger: Tenant) -> None:
    answer = tenant.studio.get(f"/api/v1/media/{NOWHERE}", headers={"x-team-id": str(stranger.id)})

    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_A_MEMBER")
