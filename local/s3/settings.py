"""The settings of one server."""

from dataclasses import dataclass
from pathlib import Path

from local.s3.cors import CorsRule
from local.s3.events import Notification
from local.s3.signatures import Credentials


@dataclass(frozen=True)
class Settings:
    """One bucket: its folder, its owner's credentials and its rules."""

    root: Path
    bucket: str
    credentials: Credentials
    region: str = "eu-central-1"
    # empty: every preflight is rejected, as for a bucket without a CORS configuration
    cors: tuple[CorsRule, ...] = ()
    notifications: tuple[Notification, ...] = (Notification("s3:ObjectCreated:*"),)
    require_if_match_on_delete: bool = True  # as the bucket's policy does in AWS
    durable: bool = True  # False: no fsync, for benchmarks only
