"""S3 on disk: the part of S3 that Vitrine's storage code and browsers use, enforced as S3 enforces it.

`python -m local.s3` runs it, `application(settings)` is its ASGI app, and `serving(settings)` runs it in a
thread for tests. docs/local-s3.md describes its operations, its limits and its files.
"""

from local.s3.app import application
from local.s3.cors import CorsRule, read_cors
from local.s3.events import Notification, read_notifications
from local.s3.serve import serve, serving
from local.s3.settings import Settings
from local.s3.signatures import Credentials

__all__ = [
    "CorsRule",
    "Credentials",
    "Notification",
    "Settings",
    "application",
    "read_cors",
    "read_notifications",
    "serve",
    "serving",
]
