"""What each v1 operation says when it refuses the input or fails, word for word as its contract has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Messages:
    invalid: str   # 400
    fault: str     # 500


MESSAGES: dict[str, Messages] = {
    "media.list":   Messages("Invalid query parameters", "Failed to list media"),
    "media.read":   Messages("Validation failed", "Failed to fetch media"),
    "media.delete": Messages("Validation failed", "Failed to delete media"),
    "media.upload": Messages("No files uploaded", "Failed to upload files"),
    "media.upload_limits": Messages("Validation failed", "Failed to get upload info"),
    "media.register": Messages("Validation failed", "Failed to create media"),
    "key.list":     Messages("Validation failed", "Failed to list API keys"),
    "key.create":   Messages("Validation failed", "Failed to create API key"),
    "key.revoke":   Messages("Validation failed", "Failed to revoke API key"),
    "media.restore": Messages("Validation failed", "Failed to restore media"),
    "organization.list": Messages("Validation failed", "Failed to list teams"),
    "team.switch": Messages("Validation failed", "Failed to switch team"),
}
