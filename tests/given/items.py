"""Folders and photos to test with: made and read over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given import pictures

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant


def folder(
    tenant: Tenant, name: str = "A folder", path: str | None = None, *, collection: str | None = None
) -> dict[str, Any]:
    """A new folder at this path (None: the collection's root), as the API shows it."""
    body = {"datasetId": collection or tenant.collection_id.hex, "name": name}
    answer = tenant.studio.post("/api/folder", json=body | ({"path": path} if path else {}))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()["folder"]
    return made


def photo(tenant: Tenant, path: str | None = None, seed: int = 1, **metadata: str) -> str:
    """The id of a new picture with its frame, ready. Another seed gives other pixels."""
    return tenant.ready(pictures.jpeg(40, 30, seed=seed), **({"path": path} if path else {}), **metadata)


def read_item(tenant: Tenant, item: str) -> dict[str, Any]:
    """The item, as the API shows it."""
    return read_item_with_etag(tenant, item)[0]


def read_item_with_etag(tenant: Tenant, item: str) -> tuple[dict[str, Any], str]:
    """The item, as the API shows it, and its ETag."""
    answer = tenant.studio.get(f"/api/media/{item}")
    assert answer.status_code == 200, answer.text
    return answer.json()["media"], answer.headers["etag"]


def path_of(tenant: Tenant, item: str) -> str | None:
    """The item's path; None when the item is deleted."""
    answer = tenant.studio.get(f"/api/media/{item}")
    path: str | None = answer.json()["media"]["path"] if answer.status_code == 200 else None
    return path


def total(tenant: Tenant, path: str | None = None) -> int:
    """How many items are directly at this path (None: the root of the default collection)."""
    answer = tenant.studio.get(
        f"/api/dataset/{tenant.collection_id.hex}/media", params={"path": path} if path else {}
    )
    number: int = answer.json()["pagination"]["total"]
    return number


def delete(tenant: Tenant, item: str) -> str:
    """Delete the item. Returns the id of the deletion."""
    answer = tenant.studio.delete(f"/api/media/{item}")
    assert answer.status_code == 200, answer.text
    deletion: str = answer.json()["deletionId"]
    return deletion


def restore(tenant: Tenant, item: str) -> httpx.Response:
    return tenant.studio.post(f"/api/media/{item}/restore")
