"""PATCH /api/dataset/{datasetId}"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.given import collections as collecting
from tests.given.names import COMPOSED, DECOMPOSED, INVALID_NAMES, VALID_NAMES
from tests.given.shapes import A_TIME

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

STALE = (412, {"error": "It has changed since it was read; read it again", "code": "stale"})


def change(tenant: Tenant, collection: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return tenant.studio.patch(f"/api/dataset/{collection}", json=body, headers=headers)


def test_name_and_icon_are_changed_separately_or_together(tenant: Tenant) -> None:
    made = collecting.make(tenant, icon="sun")
    shown = {**made, "updatedAt": A_TIME}

    answers = [
        change(tenant, made["id"], body)
        for body in ({"name": "Winter"}, {"icon": "snow"}, {"name": "Spring", "icon": "leaf"})
    ]

    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"dataset": {**shown, "name": "Winter"}}),
        (200, {"dataset": {**shown, "name": "Winter", "icon": "snow"}}),
        (200, {"dataset": {**shown, "name": "Spring", "icon": "leaf"}}),
    ]
    read = tenant.studio.get(f"/api/dataset/{made['id']}")
    assert (read.json(), read.headers["etag"]) == (answers[2].json(), answers[2].headers["etag"])
    assert len({answer.headers["etag"] for answer in answers}) == 3


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_icon_is_cleared_by_null_or_an_empty_text(tenant: Tenant, nothing: str | None) -> None:
    made = collecting.make(tenant, icon="sun")

    assert change(tenant, made["id"], {"icon": nothing}).json()["dataset"] == {
        **made,
        "icon": None,
        "updatedAt": A_TIME,
    }


def test_the_default_collection_can_be_changed(tenant: Tenant) -> None:
    answer = change(tenant, tenant.collection_id.hex, {"name": "Inbox"})

    assert (answer.json()["dataset"]["name"], answer.json()["dataset"]["isDefault"]) == ("Inbox", True)


@pytest.mark.parametrize("kind", VALID_NAMES)
def test_a_name_is_returned_as_it_was_sent(tenant: Tenant, kind: str) -> None:
    made = collecting.make(tenant)

    assert (
        change(tenant, made["id"], {"name": VALID_NAMES[kind]}).json()["dataset"]["name"] == VALID_NAMES[kind]
    )


def test_a_name_is_stored_composed(tenant: Tenant) -> None:
    made = collecting.make(tenant)

    assert change(tenant, made["id"], {"name": DECOMPOSED}).json()["dataset"]["name"] == COMPOSED


@pytest.mark.parametrize("kind", INVALID_NAMES)
def test_an_invalid_name_changes_nothing(tenant: Tenant, kind: str) -> None:
    made = collecting.make(tenant, icon="sun")
    name, answered = INVALID_NAMES[kind]

    answer = change(tenant, made["id"], {"name": name, "icon": "moon"})

    assert (answer.status_code, answer.json()) == (400, answered)
    assert tenant.studio.get(f"/api/dataset/{made['id']}").json() == {"dataset": made}


@pytest.mark.parametrize(
    ("body", "answered"),
    [
        ({}, {"error": "Neither name nor icon was provided"}),
        ({"icon": "i" * 256}, {"error": "icon must have 1 to 255 characters"}),
        (
            {"icon": 1},
            {
                "error": "icon: Must be a string",
                "details": [{"path": ["icon"], "message": "Must be a string"}],
            },
        ),
    ],
)
def test_a_rejected_request_changes_nothing(
    tenant: Tenant, body: dict[str, Any], answered: dict[str, Any]
) -> None:
    made = collecting.make(tenant, icon="sun")

    answer = change(tenant, made["id"], body)

    assert (answer.status_code, answer.json()) == (400, {"code": "invalid", **answered})
    assert tenant.studio.get(f"/api/dataset/{made['id']}").json() == {"dataset": made}


def test_a_stale_etag_is_rejected(tenant: Tenant) -> None:
    made = collecting.make(tenant)
    seen = tenant.studio.get(f"/api/dataset/{made['id']}").headers["etag"]

    first = change(tenant, made["id"], {"name": "Winter"}, **{"if-match": f'"another", {seen}'})
    late = change(tenant, made["id"], {"name": "Spring"}, **{"if-match": seen})
    whatever = change(tenant, made["id"], {"icon": "sun"}, **{"if-match": "*"})

    assert (late.status_code, late.json()) == STALE
    assert (first.status_code, whatever.status_code, whatever.json()["dataset"]["name"]) == (
        200,
        200,
        "Winter",
    )


def test_of_ten_requests_with_the_same_etag_one_succeeds(tenant: Tenant) -> None:
    made = collecting.make(tenant)
    seen = tenant.studio.get(f"/api/dataset/{made['id']}").headers["etag"]

    with ThreadPoolExecutor(10) as threads:
        statuses = [
            each.status_code
            for each in threads.map(
                lambda n: change(tenant, made["id"], {"name": f"{n}"}, **{"if-match": seen}), range(10)
            )
        ]

    assert sorted(statuses) == [200] + [412] * 9


def test_a_deleted_collection_is_not_found_whatever_the_etag(tenant: Tenant) -> None:
    made = collecting.make(tenant)
    collecting.delete(tenant, made["id"])

    answer = change(tenant, made["id"], {"name": "Winter"}, **{"if-match": '"stale"'})

    assert (answer.status_code, answer.json()) == collecting.NOT_FOUND


def test_an_editor_may_create_a_collection_but_not_change_it(tenant: Tenant) -> None:
    made = collecting.make(tenant)

    answer = tenant.client("editor").patch(f"/api/dataset/{made['id']}", json={"name": "Winter"})

    assert (answer.status_code, answer.json()) == (
        403,
        {"error": "This takes the role owner or admin; yours is editor", "code": "insufficient_role"},
    )
