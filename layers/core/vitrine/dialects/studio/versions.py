"""The versions of an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from vitrine.dialects.formats import Id, Input
from vitrine.dialects.studio.media import Media, show_media

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models
    from vitrine.delivery import Links


class VersionQuery(Input):
    """DELETE and PATCH /api/media/{mediaId}/versions"""

    versionId: Id


class Versions(TypedDict):
    versions: list[Media]  # the first one first, each as itself


class DeletedVersion(TypedDict):
    deletedId: str
    promotedId: str | None  # the version that the item shows instead; null: it did not show the deleted one


def show_versions(versions: Sequence[models.media.Media], links: Links) -> Versions:
    return {"versions": [show_media(version, links) for version in versions]}


def show_deleted_version(deleted: models.deletions.DeletedVersion) -> DeletedVersion:
    return {
        "deletedId": deleted.id.hex,
        "promotedId": deleted.promoted_id.hex if deleted.promoted_id else None,
    }
