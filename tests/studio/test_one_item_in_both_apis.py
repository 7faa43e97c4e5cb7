"""An item is the same in the Studio API and in v1, whichever uploads it and whichever changes it.

Every field that v1 shows is compared with Studio's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints
from uuid import UUID

import pytest

from tests.given import pictures
from vitrine.dialects.v1 import media

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(64, 48, seed=5)
DESCRIPTION = {"title": "A title", "alt": "What is seen", "caption": "What it is about"}

# Each field of v1, as a function of Studio's item.
FIELDS: dict[str, Callable[[dict[str, Any], Tenant], object]] = {
    "id": lambda media, _: str(UUID(media["id"])),
    "userId": lambda media, _: str(UUID(media["createdById"])),
    "teamId": lambda _, tenant: str(tenant.id),
    "url": lambda media, _: media["blob"],
    "filename": lambda media, _: media["filename"],
    "fileSize": lambda media, _: media["sizeBytes"],
    "mimeType": lambda media, _: media["mimeType"],
    "width": lambda media, _: media["width"],
    "height": lambda media, _: media["height"],
    "title": lambda media, _: media["metadata"].get("title"),
    "alt": lambda media, _: media["metadata"].get("alt"),
    "caption": lambda media, _: media["metadata"].get("caption"),
    "status": lambda media, _: media["status"],
    "createdAt": lambda media, _: media["createdAt"],
    "updatedAt": lambda media, _: media["updatedAt"],
    "processing": lambda media, _: media["processing"],
}


def by_studio(tenant: Tenant) -> str:
    return tenant.ready(PHOTO, "photo.jpg")


def by_v1(tenant: Tenant) -> str:
    answer = tenant.studio.post("/api/v1/media/upload", files={"files": ("photo.jpg", PHOTO, "image/jpeg")})
    media = UUID(answer.json()["data"]["media"][0]["id"]).hex
    assert tenant.finished(media)["state"] == "ready"
    return media


def in_v1(tenant: Tenant, item: str) -> dict[str, Any]:
    media: dict[str, Any] = tenant.studio.get(f"/api/v1/media/{item}").json()["data"]
    return media


def in_studio(tenant: Tenant, item: str) -> dict[str, Any]:
    media: dict[str, Any] = tenant.studio.get(f"/api/media/{item}").json()["media"]
    return media


def tags_in_v1(tenant: Tenant, item: str) -> list[str]:
    return [tag["name"] for tag in tenant.studio.get(f"/api/v1/media/{item}/tags").json()["data"]]


def agree(tenant: Tenant, item: str) -> dict[str, Any]:
    """Return the item as v1 shows it, after a comparison with Studio's."""
    media, shown = in_studio(tenant, item), in_v1(tenant, item)
    assert shown == {name: of(media, tenant) for name, of in FIELDS.items()}
    return shown


@pytest.mark.parametrize("upload", [by_studio, by_v1])
def test_both_apis_show_what_either_uploads_and_changes(
    tenant: Tenant, upload: Callable[[Tenant], str]
) -> None:
    assert FIELDS.keys() == get_type_hints(media.Media).keys()
    item = upload(tenant)
    first = agree(tenant, item)

    assert tenant.studio.patch(f"/api/v1/media/{item}", json=DESCRIPTION).status_code == 200
    answered = agree(tenant, item)
    assert (
        tenant.studio.patch(
            f"/api/media/{item}", json={"metadata": {"alt": "Seen anew", "tags": {"tags": ["red"]}}}
        ).status_code
        == 200
    )
    anew = agree(tenant, item)
    tag = next(
        each for each in tenant.studio.get("/api/v1/media-tags").json()["data"] if each["name"] == "red"
    )
    assert tenant.studio.put(f"/api/v1/media/{item}/tags", json={"tagIds": []}).status_code == 200
    without = in_studio(tenant, item)["metadata"]["tags"]
    assert tenant.studio.post(f"/api/v1/media/{item}/tags", json={"tagId": tag["id"]}).status_code == 201

    assert (first["width"], first["height"], first["title"]) == (64, 48, None)
    assert {name: answered[name] for name in DESCRIPTION} == DESCRIPTION
    # metadata is replaced
    assert {name: anew[name] for name in DESCRIPTION} == {"title": None, "alt": "Seen anew", "caption": None}
    assert (without, in_studio(tenant, item)["metadata"]["tags"], tags_in_v1(tenant, item)) == (
        {},
        {"tags": ["red"]},
        ["red"],
    )
    assert tenant.studio.delete(f"/api/v1/media/{item}").status_code == 200
    assert tenant.studio.get(f"/api/media/{item}").status_code == 404
    assert tenant.studio.post(f"/api/media/{item}/restore").status_code == 200
    agree(tenant, item)
    assert tenant.inconsistencies() == []
