"""GET /api/dataset/{datasetId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given import collections as collecting
from tests.given.items import folder
from tests.given.shapes import A_TIME, hyphened

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_a_collection_is_returned_with_its_etag(tenant: Tenant) -> None:
    made = collecting.make(tenant, icon="sun")

    answers = [tenant.studio.get(f"/api/dataset/{name}") for name in (made["id"], hyphened(made["id"]))]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json() for answer in answers] == [
        {
            "dataset": {
                "id": made["id"],
                "name": "Summer 2026",
                "icon": "sun",
                "type": "dataset",
                "organizationId": tenant.id.hex,
                "isDefault": False,
                "createdAt": A_TIME,
                "updatedAt": A_TIME,
            }
        }
    ] * 2
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert not answers[0].headers["etag"].startswith("W/")


def test_items_in_a_collection_do_not_change_its_etag(tenant: Tenant) -> None:
    made = collecting.make(tenant)
    before = tenant.studio.get(f"/api/dataset/{made['id']}").headers["etag"]

    folder(tenant, "trip", collection=made["id"])

    assert tenant.studio.get(f"/api/dataset/{made['id']}").headers["etag"] == before


def test_a_deleted_collection_is_not_found(tenant: Tenant) -> None:
    made = collecting.make(tenant)
    collecting.delete(tenant, made["id"])

    answer = tenant.studio.get(f"/api/dataset/{made['id']}")

    assert (answer.status_code, answer.json()) == collecting.NOT_FOUND


def test_an_empty_body_may_be_declared_as_json(tenant: Tenant) -> None:
    answer = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}", headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["dataset"]["isDefault"]) == (200, True)
