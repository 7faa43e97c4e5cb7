"""What one server is told at its start."""

from dataclasses import dataclass
from pathlib import Path

from local.s3.cors import CorsRule
from local.s3.events import Notification
from local.s3.signatures import Credentials


@dataclass(frozen=True)
class Settings:
    """One bucket, its owner's credentials, its rules, and the folder it lives in."""

    root: Path
    bucket: str
    credentials: Credentials
    region: str = "eu-central-1"
    # none: every preflight is refused, as for a bucket without a CORS configuration
    cors: tuple[CorsRule, ...] = ()
    notifications: tuple[Notification, ...] = (Notification("s3:ObjectCreated:*"),)
    require_if_match_on_delete: bool = True  # what the bucket's policy demands in AWS
    durable: bool = True  # False leaves out every fsync: benchmarks only
