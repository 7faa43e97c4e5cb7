"""Form uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field
from typing_extensions import TypedDict

from vitrine.dialects.formats import Id, Input, SentFile

if TYPE_CHECKING:
    from vitrine import models
    from vitrine.delivery import Links


class FormUpload(Input):
    """POST /api/upload/multipart. Width, height, duration and exif, which documented clients send, are read
    from the file itself instead.
    """

    datasetId: Id
    path: str = Field("", description="the folder, as browse returns it; the collection's root when absent")
    file: SentFile
    name: str = Field("", description="the file's own name when absent")


class Uploaded(TypedDict):
    success: Literal[True]
    mediaId: str
    url: str | None  # permanent link; null where the item was blocked within the request
    message: str


def show_uploaded(media: models.media.Media, links: Links) -> Uploaded:
    moderation = media.version.moderation
    blocked = moderation is not None and moderation.get("status") == "blocked"
    return {
        "success": True,
        "mediaId": media.id.hex,
        "url": None if blocked else links.permanent(media),
        "message": "File uploaded but blocked by content moderation"
        if blocked
        else "File uploaded successfully",
    }
