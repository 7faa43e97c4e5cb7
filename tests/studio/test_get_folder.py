"""GET /api/folder/{folderId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given import pictures
from tests.given.shapes import A_TIME, AN_ETAG, hyphened
from vitrine.library import folders

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

NOT_FOUND = (404, {"error": "Folder not found", "code": "not_found"})


def test_a_folder_is_shown_as_create_folder_returned_it(tenant: Tenant) -> None:
    home = tenant.collection_id.hex
    outer = tenant.studio.post("/api/folder", json={"datasetId": home, "name": "outer"}).json()["folder"]
    made = tenant.studio.post(
        "/api/folder", json={"datasetId": home, "name": "inner", "path": outer["path"]}
    ).json()["folder"]

    answer = tenant.studio.get(f"/api/folder/{made['id']}", headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "folder": {
                "id": made["id"],
                "name": "inner",
                "type": "folder",
                "blob": "folder",
                "path": f"{outer['path']}.{made['id']}",
                "datasetId": home,
                "collectionId": home,
                "status": "active",
                "createdAt": A_TIME,
                "createdById": tenant.owner.user_id.hex,
            }
        },
    )
    assert answer.json()["folder"] == made
    assert answer.headers["etag"] == tenant.studio.get(f"/api/media/{made['id']}").headers["etag"] == AN_ETAG
    assert tenant.studio.get(f"/api/folder/{hyphened(made['id']).upper()}").json() == answer.json()


def test_an_id_that_is_not_a_folders_is_not_found(tenant: Tenant) -> None:
    photo = tenant.ready(pictures.jpeg(60, 40, seed=91))
    gone = folders.create(tenant.owner, tenant.collection_id, "x", path=None, reuse=False).id.hex
    tenant.studio.delete(f"/api/media/{gone}")

    for item in (photo, gone, tenant.collection_id.hex, "nonsense"):
        answer = tenant.studio.get(f"/api/folder/{item}")
        assert (answer.status_code, answer.json()) == NOT_FOUND
