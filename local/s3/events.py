"""Events: which of them somebody wants, and what S3 writes into one."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, TypeAdapter


@dataclass(frozen=True)
class Notification:
    """A wish for events, as a bucket's notification configuration has it."""

    event: str  # s3:ObjectCreated:Post, or s3:ObjectCreated:* for all kinds
    prefix: str = ""

    def covers(self, kind: str, key: str) -> bool:
        return fnmatchcase(f"s3:{kind}", self.event) and key.startswith(self.prefix)


@dataclass(frozen=True)
class Created:
    """An object came to be."""

    kind: str  # ObjectCreated:Put, Post, Copy or CompleteMultipartUpload
    key: str
    size: int  # bytes
    etag: str  # without quotes
    at: float  # seconds since 1970
    request_id: str


def read_notifications(file: Path) -> tuple[Notification, ...]:
    """The wishes of a JSON file: `[{"event": "s3:ObjectCreated:Post", "prefix": "incoming/"}, ...]`."""
    return tuple(
        Notification(wish.event, wish.prefix)
        for wish in TypeAdapter(list[_Wish]).validate_json(file.read_bytes())
    )


def message(created: Created, *, bucket: str, region: str, sequence: int) -> str:
    """The JSON S3 sends. Keys are encoded as S3 encodes them here: `+` for a space, `/` kept."""
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
                "sequencer": f"{sequence:018X}",  # later events of one key have greater ones, as text
            },
        },
    }
    return json.dumps({"Records": [record]})


class _Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event: str
    prefix: str = ""
