"""Event notifications: the configuration of a bucket, and the JSON of an event."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, TypeAdapter


@dataclass(frozen=True)
class Notification:
    """One rule of a bucket's notification configuration."""

    event: str  # s3:ObjectCreated:Post, or s3:ObjectCreated:* for all kinds
    prefix: str = ""

    def covers(self, kind: str, key: str) -> bool:
        """Whether the rule applies to an event of this kind for this key."""
        return fnmatchcase(f"s3:{kind}", self.event) and key.startswith(self.prefix)


@dataclass(frozen=True)
class Created:
    """The creation of an object."""

    kind: str  # ObjectCreated:Put, Post, Copy or CompleteMultipartUpload
    key: str
    size: int  # bytes
    etag: str  # without quotes
    at: float  # seconds since 1970
    request_id: str


def read_notifications(file: Path) -> tuple[Notification, ...]:
    """Read the rules of a JSON file: `[{"event": "s3:ObjectCreated:Post", "prefix": "incoming/"}, ...]`."""
    return tuple(
        Notification(rule.event, rule.prefix)
        for rule in TypeAdapter(list[_Rule]).validate_json(file.read_bytes())
    )


def message(created: Created, *, bucket: str, region: str, sequence: int) -> str:
    """The JSON of an event as S3 sends it. Its key has `+` for a space, and `/` is not encoded."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": datetime.fromtimestamp(created.at, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "eventName": created.kind,
        "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": created.request_id, "x-amz-id-2": created.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "local",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "LOCAL"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {
                "key": quote_plus(created.key, safe="/"),
                "size": created.size,
                "eTag": created.etag,
                "sequencer": f"{sequence:018X}",  # compared as text: greater in later events of a key
            },
        },
    }
    return json.dumps({"Records": [record]})


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event: str
    prefix: str = ""
