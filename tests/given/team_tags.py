"""Helpers of the tests of v1's tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.shapes import A_HYPHENED_ID, A_TIME, hyphened

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.given.tenants import Tenant

TAGS = "/api/v1/media-tags"
INFO = {"timestamp": A_TIME}
UNKNOWN = "01900000-0000-7000-8000-000000000000"


def done(data: object, status: int = 200) -> tuple[int, dict[str, object]]:
    return status, {"success": True, "data": data, "info": INFO}


def rejected(status: int, sentence: str, *issues: Mapping[str, object]) -> tuple[int, dict[str, object]]:
    details = {"details": {"errors": list(issues)}} if issues else {}
    return status, {"success": False, "error": sentence, "code": f"HTTP_{status}", **details, "info": INFO}


NO_MEDIA = rejected(404, "Media not found")
NO_TAG = rejected(404, "Tag not found")


def unknown(name: str, *path: str | int) -> dict[str, object]:
    return {"code": "custom", "path": list(path), "message": f"There is no tag {name}"}


def tag(name: str, slug: str, **more: object) -> dict[str, object]:
    """Return the tag as v1 lists it."""
    return {
        "id": A_HYPHENED_ID,
        "type": "media_tag",
        "slug": slug,
        "name": name,
        "description": None,
        "icon": None,
        "color": None,
        "order": 0,
        "isActive": True,
        "createdAt": A_TIME,
        "updatedAt": A_TIME,
        **more,
    }


def make(tenant: Tenant, name: str, **more: object) -> str:
    """Create a tag and return its id."""
    answer = tenant.studio.post(TAGS, json={"name": name})
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["data"]["id"]
    if more:
        assert tenant.studio.patch(f"{TAGS}/{made}", json=more).status_code == 200
    return made


def of(item: str) -> str:
    return f"/api/v1/media/{hyphened(item)}/tags"


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code in (200, 201), answer.text
    return [each["name"] for each in answer.json()["data"]]


def on(tenant: Tenant, item: str) -> list[str]:
    return names(tenant.studio.get(of(item)))


def team(tenant: Tenant) -> list[str]:
    return names(tenant.studio.get(TAGS))
