"""DELETE /api/folder/{folderId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.shapes import AN_ID, hyphened
from vitrine.library import folders

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(60, 40, seed=93)
NOT_FOUND = (404, {"error": "Folder not found", "code": "not_found"})


def test_a_folder_is_deleted_with_everything_below_it(tenant: Tenant) -> None:
    outer = folders.create(tenant.owner, tenant.collection_id, "outer", path=None, reuse=False)
    inner = folders.create(tenant.owner, tenant.collection_id, "inner", path=outer.path, reuse=False)
    photos = [tenant.ready(PHOTO, path=str(place.path)) for place in (outer, inner)]
    stays = tenant.ready(PHOTO)

    answer = tenant.studio.delete(
        f"/api/folder/{hyphened(outer.id.hex)}", headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()) == (
        200,
        {"id": outer.id.hex, "deletedCount": 2, "deletionId": AN_ID},
    )
    assert [
        tenant.studio.get(f"/api/media/{item}").status_code for item in (outer.id, inner.id, *photos, stays)
    ] == [404] * 4 + [200]
    again = tenant.studio.delete(f"/api/folder/{outer.id}")
    assert (again.status_code, again.json()) == NOT_FOUND
    assert tenant.inconsistencies() == []


def test_a_file_or_a_collection_is_not_deleted_as_a_folder(tenant: Tenant) -> None:
    photo = tenant.ready(PHOTO)

    for item in (photo, tenant.collection_id.hex):
        answer = tenant.studio.delete(f"/api/folder/{item}")
        assert (answer.status_code, answer.json()) == NOT_FOUND
    assert tenant.studio.get(f"/api/media/{photo}").status_code == 200
