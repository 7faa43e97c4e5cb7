"""Collections, which this API calls datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.dialect import Answer
from vitrine.dialects.formats import Input, Time, show_time
from vitrine.dialects.studio.etags import if_match, strong_etag
from vitrine.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vitrine import models


class CollectionChange(Input):
    """PATCH /api/dataset/{datasetId}: at least one field."""

    name: str = Field(default_factory=str, description="1 to 255 characters")
    icon: str | None = Field(None, description="null: none")

    def changes(self) -> tuple[str | None, str | None]:
        """Return name and icon; None for what stays, an empty icon for none.

        Raises Invalid where both stay.
        """
        if not self.model_fields_set:
            raise Invalid("Neither name nor icon was provided")
        name = self.name if "name" in self.model_fields_set else None
        icon = (self.icon or "") if "icon" in self.model_fields_set else None
        return name, icon


class Collection(TypedDict):
    id: str
    name: str
    icon: str | None
    type: str
    organizationId: str
    isDefault: bool
    createdAt: Time
    updatedAt: Time


class CreatedCollection(Collection):
    dataset: Collection  # repeats the collection: older clients read it here


class OneCollection(TypedDict):
    dataset: Collection


def show_collection(collection: models.places.Collection) -> Collection:
    return {
        "id": collection.id.hex,
        "name": collection.name,
        "icon": collection.icon,
        "type": collection.type,
        "organizationId": collection.organization_id.hex,
        "isDefault": collection.is_default,
        "createdAt": show_time(collection.created_at),
        "updatedAt": show_time(collection.updated_at),
    }


def show_created_collection(collection: models.places.Collection) -> CreatedCollection:
    shown = show_collection(collection)
    return {**shown, "dataset": shown}


def show_one_collection(collection: models.places.Collection) -> Answer:
    """Serialize a collection as OneCollection, with its ETag."""
    return Answer({"dataset": show_collection(collection)}, headers={"etag": collection_etag(collection)})


def collection_etag(collection: models.places.Collection) -> str:
    """Return the collection's strong ETag. It changes with what is shown of it, not with its items."""
    return strong_etag([collection.row_version, show_collection(collection)])


def collection_if_match(headers: Mapping[str, str]) -> Callable[[models.places.Collection], None] | None:
    """Return the check of a collection that a request asks for with If-Match; it raises PreconditionFailed.

    None: no such header.
    """
    return if_match(headers, collection_etag)
