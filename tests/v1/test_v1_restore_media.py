"""POST /api/v1/media/{id}/restore"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.given.items import delete, folder, photo
from tests.given.shapes import A_TIME

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

INFO = {"timestamp": A_TIME}


def test_a_deleted_file_of_the_team_is_restored(tenant: Tenant) -> None:
    item = str(UUID(photo(tenant)))
    assert tenant.studio.delete(f"/api/v1/media/{item}").status_code == 200

    answer = tenant.studio.post(f"/api/v1/media/{item}/restore")

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {"message": "Media restored successfully", "success": True, "id": item},
            "info": INFO,
        },
    )
    assert tenant.studio.get(f"/api/v1/media/{item}").status_code == 200
    assert tenant.inconsistencies() == []


def test_a_file_that_is_not_deleted_is_not_restored(tenant: Tenant) -> None:
    answer = tenant.studio.post(f"/api/v1/media/{photo(tenant)}/restore")

    assert (answer.status_code, answer.json()) == (
        409,
        {"success": False, "error": "This item is not deleted", "code": "HTTP_409", "info": INFO},
    )


def test_a_folder_is_not_found(tenant: Tenant) -> None:
    item = folder(tenant, "a folder")["id"]
    delete(tenant, item)

    answer = tenant.studio.post(f"/api/v1/media/{item}/restore")

    assert (answer.status_code, answer.json()) == (
        404,
        {"success": False, "error": "Media not found", "code": "HTTP_404", "info": INFO},
    )
    assert tenant.studio.get(f"/api/media/{item}").status_code == 404
