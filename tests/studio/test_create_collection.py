"""POST /api/organization/{orgId}/datasets"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.given.names import COMPOSED, DECOMPOSED, INVALID_BODIES, INVALID_NAMES, VALID_NAMES
from tests.given.shapes import A_TIME, AN_ID

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant


def create(tenant: Tenant, **more: Any) -> httpx.Response:
    return tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", **more)


def test_the_collection_is_returned_at_the_top_level_and_under_dataset(tenant: Tenant) -> None:
    answer = create(tenant, json={"name": "Holidays", "icon": "sun"})

    collection = {
        "id": AN_ID,
        "name": "Holidays",
        "icon": "sun",
        "type": "dataset",
        "organizationId": tenant.id.hex,
        "isDefault": False,
        "createdAt": A_TIME,
        "updatedAt": A_TIME,
    }
    assert (answer.status_code, answer.json()) == (200, {**collection, "dataset": collection})
    assert answer.json()["id"] == answer.json()["dataset"]["id"]


def test_a_new_collection_is_listed_and_empty(tenant: Tenant) -> None:
    made = create(tenant, json={"name": "Holidays"}).json()

    assert tenant.studio.get(f"/api/organization/{tenant.id.hex}/datasets").json()[1] == made["dataset"]
    assert tenant.studio.get(f"/api/dataset/{made['id']}/media").json() == {
        "media": [],
        "pagination": {"total": 0, "limit": 10, "offset": 0, "hasMore": False, "nextCursor": None},
    }


@pytest.mark.parametrize("icon", [None, ""])
def test_a_collection_without_icon_has_null(tenant: Tenant, icon: str | None) -> None:
    assert create(tenant, json={"name": "x", "icon": icon}).json()["icon"] is None


@pytest.mark.parametrize("name", VALID_NAMES.values(), ids=VALID_NAMES)
def test_a_name_is_stored_as_it_was_sent(tenant: Tenant, name: str) -> None:
    assert create(tenant, json={"name": name, "icon": name}).json()["dataset"]["name"] == name


def test_a_name_is_stored_composed(tenant: Tenant) -> None:
    assert create(tenant, json={"name": DECOMPOSED}).json()["name"] == COMPOSED


@pytest.mark.parametrize(("name", "answered"), INVALID_NAMES.values(), ids=INVALID_NAMES)
def test_an_invalid_name_is_rejected(tenant: Tenant, name: object, answered: dict[str, object]) -> None:
    answer = create(tenant, json={"name": name})

    assert (answer.status_code, answer.json()) == (400, answered)


@pytest.mark.parametrize(("body", "answered"), INVALID_BODIES.values(), ids=INVALID_BODIES)
def test_an_invalid_body_is_rejected(tenant: Tenant, body: bytes, answered: dict[str, object]) -> None:
    answer = create(tenant, content=body)

    assert (answer.status_code, answer.json()) == (400, answered)


@pytest.mark.parametrize("body", [b"", b"{}", b" \n "])
def test_a_name_is_required(tenant: Tenant, body: bytes) -> None:
    answer = create(tenant, content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "name: Required",
            "code": "invalid",
            "details": [{"path": ["name"], "message": "Required"}],
        },
    )


def test_an_icon_has_a_length_limit(tenant: Tenant) -> None:
    answer = create(tenant, json={"name": "x", "icon": "x" * 256})

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "icon must have 1 to 255 characters", "code": "invalid"},
    )


def test_a_body_over_the_limit_is_answered_with_the_limit(tenant: Tenant) -> None:
    most = 4 * 1024 * 1024

    answer = create(tenant, content=b" " * (most + 1))

    assert (answer.status_code, answer.json()) == (
        413,
        {
            "error": f"The body of a request may hold {most} bytes; "
            "larger files go through the upload protocol at /api/upload",
            "code": "too_large",
        },
    )


def test_a_caller_without_permission_is_denied_before_the_body_is_read(tenant: Tenant) -> None:
    answer = tenant.client("viewer").post(f"/api/organization/{tenant.id.hex}/datasets", content=b"{")

    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "This takes the role owner, admin or editor; yours is viewer", "code": "insufficient_role"},
    )
