"""DELETE /api/v1/media/{id}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.shapes import A_TIME, hyphened
from vitrine.library import folders

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=91)
NOT_FOUND = (
    404,
    {"success": False, "error": "Media not found", "code": "HTTP_404", "info": {"timestamp": A_TIME}},
)


def test_a_deleted_file_is_gone_from_both_apis(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    answer = tenant.studio.delete(f"/api/v1/media/{photo}")

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {"message": "Media deleted successfully", "success": True, "id": hyphened(photo)},
            "info": {"timestamp": A_TIME},
        },
    )
    assert tenant.studio.get(f"/api/v1/media/{photo}").status_code == 404
    assert tenant.studio.get(f"/api/media/{photo}").status_code == 404
    assert tenant.studio.get("/api/v1/media").json()["data"]["total"] == 0
    assert tenant.inconsistencies() == []


def test_a_second_deletion_is_not_counted(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)
    tenant.studio.delete(f"/api/v1/media/{photo}")
    once = tenant.studio.get(f"/api/organization/{tenant.id}/usage").json()

    again = tenant.studio.delete(f"/api/v1/media/{photo}")

    assert (again.status_code, again.json()) == NOT_FOUND
    assert tenant.studio.get(f"/api/organization/{tenant.id}/usage").json() == once
    assert once["counts"] == {"active": 0, "trash": 1}


def test_a_folder_is_not_a_file_and_stays(tenant: Tenant) -> None:
    folder = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False)

    answer = tenant.studio.delete(f"/api/v1/media/{folder.id}")

    assert (answer.status_code, answer.json()) == NOT_FOUND
    assert tenant.studio.get(f"/api/media/{folder.id}").status_code == 200
