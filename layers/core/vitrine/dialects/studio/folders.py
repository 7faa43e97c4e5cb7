"""Folders at their own endpoints. In listings a folder is an item, as `media` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import TypedDict

from vitrine.dialects.dialect import Answer
from vitrine.dialects.formats import Time, show_time
from vitrine.dialects.studio.media import media_etag

if TYPE_CHECKING:
    from vitrine import models


class Folder(TypedDict):
    id: str
    name: str
    type: Literal["folder"]
    blob: Literal["folder"]
    path: str
    datasetId: str
    collectionId: str
    status: Literal["active", "deleted"]
    createdAt: Time
    createdById: str


class OneFolder(TypedDict):
    folder: Folder


def show_created_folder(folder: models.places.Folder) -> OneFolder:
    return _show_folder(folder)


def show_one_folder(folder: models.media.Media) -> Answer:
    """Serialize a folder as OneFolder, with the ETag that it has as an item."""
    return Answer(_show_folder(folder), headers={"etag": media_etag(folder)})


def _show_folder(folder: models.places.Folder | models.media.Media) -> OneFolder:
    return {
        "folder": {
            "id": folder.id.hex,
            "name": folder.name,
            "type": "folder",
            "blob": "folder",
            "path": str(folder.path),
            "datasetId": folder.collection_id.hex,
            "collectionId": folder.collection_id.hex,
            "status": folder.status,
            "createdAt": show_time(folder.created_at),
            "createdById": folder.created_by.hex,
        }
    }
