"""Items with several versions to test with: created and read over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.given import pictures
from tests.given.answers import outcome
from tests.given.usage import usage

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

NOT_FOUND = (404, {"error": "Media not found", "code": "not_found"})
DELETED = "The item it was to be a version of was deleted"
NO_VERSION = (404, {"error": "Version not found", "code": "not_found"})


def picture(number: int) -> bytes:
    """A picture that is recognized by its width, 40 + number pixels."""
    return pictures.jpeg(40 + number, 30, seed=number)


def make(tenant: Tenant, versions: int, **metadata: str) -> list[str]:
    """The ids of an item's versions, each ready, the item's own first. The nth is 40 + n pixels wide."""
    item = tenant.ready(picture(1), "one.jpg", **metadata)
    return [item, *(add(tenant, item, number) for number in range(2, versions + 1))]


def add(tenant: Tenant, item: str, number: int) -> str:
    """The id of a further version, ready."""
    return tenant.ready(picture(number), f"{number}.jpg", sourceMediaId=item)


def listed(tenant: Tenant, item: str) -> list[tuple[str, int, bool]]:
    """Id, number and "is active" of each version."""
    answer = tenant.studio.get(f"/api/media/{item}/versions")
    assert answer.status_code == 200, answer.text
    return [(one["id"], one["versionNumber"], one["isActive"]) for one in answer.json()["versions"]]


def active(tenant: Tenant, item: str) -> str:
    """The id of the active version. Asserts that there is exactly one."""
    (found,) = (version for version, _, is_active in listed(tenant, item) if is_active)
    return found


def select(tenant: Tenant, version: str, **headers: str) -> httpx.Response:
    return tenant.studio.patch(
        f"/api/media/{version}/select-version", headers={"content-type": "application/json", **headers}
    )


def delete(tenant: Tenant, item: str, version: str, **headers: str) -> httpx.Response:
    return tenant.studio.delete(f"/api/media/{item}/versions", params={"versionId": version}, headers=headers)


def restore(tenant: Tenant, item: str) -> tuple[int, dict[str, Any]]:
    return outcome(tenant.studio.post(f"/api/media/{item}/restore"))


def bytes_and_counts(tenant: Tenant) -> tuple[dict[str, int], dict[str, int]]:
    """The usage's bytes, and its numbers of originals."""
    reported = usage(tenant)
    return reported["bytes"], reported["counts"]
