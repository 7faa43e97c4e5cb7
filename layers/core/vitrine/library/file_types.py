"""Which files are accepted, and what kind of item each becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import content

if TYPE_CHECKING:
    from vitrine.content import Content
    from vitrine.models.media import MediaType

NOT_ACCEPTED = "The file is not a picture or video of a type that is taken"


def reason_to_reject(found: Content | None) -> str | None:
    """Return why a file with this content is not accepted, as a sentence, or None when it is.

    `found`: what `content.sniff` returned; None when it did not recognize the bytes.
    """
    if found is None:
        return NOT_ACCEPTED
    if found.mime_type not in content.accepted_types():
        return f"Files of type {content.describe_type(found.mime_type)} are not taken"
    return None


def media_type_of(mime_type: str) -> MediaType:
    """Return the type of an item whose file has this MIME type; `image` where the MIME type is unknown."""
    if mime_type.startswith("video/"):
        return "video"
    return "pdf" if mime_type == "application/pdf" else "image"
