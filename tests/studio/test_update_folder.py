"""PATCH /api/folder/{folderId}"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.given import pictures
from tests.given.answers import outcome
from tests.given.names import INVALID_NAMES
from tests.given.shapes import AN_ETAG
from vitrine.library import folders

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

NOT_FOUND = (404, {"error": "Folder not found", "code": "not_found"})


def a_folder(tenant: Tenant) -> str:
    return folders.create(tenant.owner, tenant.collection_id, "before", path=None, reuse=False).id.hex


def test_name_and_metadata_of_a_folder_are_changed(tenant: Tenant) -> None:
    folder = a_folder(tenant)
    before = tenant.studio.get(f"/api/folder/{folder}")

    answer = tenant.studio.patch(
        f"/api/folder/{folder}", json={"name": "after", "metadata": {"tags": {"a": ["b"]}, "icon": "sun"}}
    )

    assert outcome(answer) == (200, {"folder": {**before.json()["folder"], "name": "after"}})
    as_item = tenant.studio.get(f"/api/media/{folder}")
    assert answer.headers["etag"] == as_item.headers["etag"] == AN_ETAG
    assert answer.headers["etag"] != before.headers["etag"]
    assert as_item.json()["media"]["metadata"] == {
        "tags": {"a": ["b"]},
        "icon": "sun",
        "moderation": {"status": "unchecked", "categories": [], "moderatedAt": None},
    }
    assert tenant.inconsistencies() == []


@pytest.mark.parametrize("content", [b"{}", b""])
def test_a_request_without_changes_is_rejected(tenant: Tenant, content: bytes) -> None:
    answer = tenant.studio.patch(
        f"/api/folder/{a_folder(tenant)}", content=content, headers={"content-type": "application/json"}
    )

    assert outcome(answer) == (400, {"error": "Neither name nor metadata was provided", "code": "invalid"})


@pytest.mark.parametrize(("name", "rejection"), INVALID_NAMES.values(), ids=INVALID_NAMES)
def test_an_invalid_name_is_rejected(tenant: Tenant, name: object, rejection: dict[str, object]) -> None:
    assert outcome(tenant.studio.patch(f"/api/folder/{a_folder(tenant)}", json={"name": name})) == (
        400,
        rejection,
    )


def test_a_stale_etag_is_rejected(tenant: Tenant) -> None:
    folder = a_folder(tenant)
    etag = tenant.studio.get(f"/api/folder/{folder}").headers["etag"]
    tenant.studio.patch(f"/api/folder/{folder}", json={"name": "first"}, headers={"if-match": etag})

    answer = tenant.studio.patch(f"/api/folder/{folder}", json={"name": "second"}, headers={"if-match": etag})

    assert outcome(answer) == (
        412,
        {"error": "It has changed since it was read; read it again", "code": "stale"},
    )
    assert tenant.studio.get(f"/api/folder/{folder}").json()["folder"]["name"] == "first"


def test_an_id_that_is_not_a_folders_is_not_found_and_changes_nothing(tenant: Tenant) -> None:
    photo = tenant.ready(pictures.jpeg(60, 40, seed=92))
    gone = a_folder(tenant)
    tenant.studio.delete(f"/api/folder/{gone}")

    for item in (photo, gone, tenant.collection_id.hex):
        assert outcome(tenant.studio.patch(f"/api/folder/{item}", json={"name": "x"})) == NOT_FOUND
    assert tenant.studio.get(f"/api/media/{photo}").json()["media"]["name"] == "photo.jpg"
