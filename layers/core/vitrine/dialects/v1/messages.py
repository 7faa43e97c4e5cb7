"""The sentences of each v1 operation for invalid input and for an internal error, word for word as its
contract has them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Messages:
    invalid: str  # 400
    internal_error: str  # 500
    issues: bool = True  # whether a 400 lists the issues of single fields


MESSAGES: dict[str, Messages] = {
    "media.list": Messages("Invalid query parameters", "Failed to list media"),
    "media.check": Messages("files array is required", "Failed to check duplicates"),
    "media.read": Messages("Validation failed", "Failed to fetch media"),
    "media.delete": Messages("Validation failed", "Failed to delete media"),
    "media.update": Messages("Validation failed", "Failed to update media"),
    "media.list_tags": Messages("Validation failed", "Failed to get media tags"),
    "media.add_tag": Messages("Invalid request body", "Failed to add tag"),
    "media.set_tags": Messages("Invalid request body", "Failed to set tags"),
    "media.remove_tag": Messages("tagId query parameter is required", "Failed to remove tag", issues=False),
    "tag.list": Messages("Validation failed", "Failed to list media tags"),
    "tag.create": Messages("Tag name is required", "Failed to create media tag", issues=False),
    "tag.update": Messages("Validation failed", "Failed to update media tag"),
    "tag.delete": Messages("Validation failed", "Failed to delete media tag"),
    "media.upload": Messages("No files uploaded", "Failed to upload files"),
    "media.upload_limits": Messages("Validation failed", "Failed to get upload info"),
    "media.register": Messages("Validation failed", "Failed to create media"),
    "key.list": Messages("Validation failed", "Failed to list API keys"),
    "key.create": Messages("Validation failed", "Failed to create API key"),
    "key.revoke": Messages("Validation failed", "Failed to revoke API key"),
    "media.restore": Messages("Validation failed", "Failed to restore media"),
    "organization.list": Messages("Validation failed", "Failed to list teams"),
    "team.switch": Messages("Validation failed", "Failed to switch team"),
}
