"""Collections to test with: created, filled and read over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given import items
from tests.given.usage import NOTHING as NOTHING
from tests.given.usage import usage as usage

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

SUMMER = "Summer 2026"


def make(tenant: Tenant, name: str = SUMMER, **more: object) -> dict[str, Any]:
    """A new collection, as the API shows it."""
    made: dict[str, Any] = tenant.studio.post(
        f"/api/organization/{tenant.id.hex}/datasets", json={"name": name, **more}
    ).json()["dataset"]
    return made


def folder(tenant: Tenant, collection: str, path: str | None = None) -> dict[str, Any]:
    """A folder called "trip" in this collection."""
    return items.folder(tenant, "trip", path, collection=collection)


def photo(tenant: Tenant, collection: str, path: str | None = None, seed: int = 1) -> str:
    """The id of a picture in this collection, ready."""
    return items.photo(tenant, path, seed, datasetId=collection)


def delete(tenant: Tenant, collection: str) -> httpx.Response:
    return tenant.studio.delete(f"/api/dataset/{collection}")


def restore(tenant: Tenant, collection: str) -> httpx.Response:
    return tenant.studio.post(f"/api/dataset/{collection}/restore")


def level(tenant: Tenant, collection: str, path: str | None = None) -> list[str] | None:
    """The ids of the items directly at this path; None when the collection or folder is not found."""
    answer = tenant.studio.get(f"/api/dataset/{collection}/media", params={"path": path} if path else {})
    return sorted(item["id"] for item in answer.json()["media"]) if answer.status_code == 200 else None


NOT_FOUND = (404, {"error": "Collection not found", "code": "not_found"})
