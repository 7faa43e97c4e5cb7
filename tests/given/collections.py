"""Collections to test with: made, filled and spoken to over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given import pictures

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

SUMMER = "Summer 2026"


def make(tenant: Tenant, name: str = SUMMER, **more: object) -> dict[str, Any]:
    """The collection as it is shown."""
    made: dict[str, Any] = tenant.studio.post(
        f"/api/organization/{tenant.id.hex}/datasets", json={"name": name, **more}
    ).json()["dataset"]
    return made


def folder(tenant: Tenant, collection: str, path: str | None = None) -> dict[str, Any]:
    answer = tenant.studio.post(
        "/api/folder", json={"datasetId": collection, "name": "trip", **({"path": path} if path else {})}
    )
    made: dict[str, Any] = answer.json()["folder"]
    return made


def photo(tenant: Tenant, collection: str, path: str | None = None, seed: int = 1) -> str:
    """The id of a picture with its frames, ready."""
    return tenant.ready(
        pictures.jpeg(40, 30, seed=seed), datasetId=collection, **({"path": path} if path else {})
    )


def delete(tenant: Tenant, collection: str) -> httpx.Response:
    return tenant.studio.delete(f"/api/dataset/{collection}")


def restore(tenant: Tenant, collection: str) -> httpx.Response:
    return tenant.studio.post(f"/api/dataset/{collection}/restore")


def level(tenant: Tenant, collection: str, path: str | None = None) -> list[str] | None:
    """The ids of what lies there; None: it is not found."""
    answer = tenant.studio.get(f"/api/dataset/{collection}/media", params={"path": path} if path else {})
    return sorted(item["id"] for item in answer.json()["media"]) if answer.status_code == 200 else None


def usage(tenant: Tenant) -> dict[str, Any]:
    answered: dict[str, Any] = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    return answered


NOTHING = {
    "bytes": {"active": 0, "trash": 0, "originals": 0, "derived": 0, "total": 0, "reserved": 0},
    "counts": {"active": 0, "trash": 0},
    "limit": None,
}
NOT_FOUND = (404, {"error": "Collection not found", "code": "not_found"})
