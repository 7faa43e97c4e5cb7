"""S3 on disk: what Vitrine's storage code and browsers ask of S3, enforced as S3 enforces it, and nothing
more.

`python -m local.s3 --help` runs it; `application(settings)` is the same as an ASGI app; `serving(settings)`
runs it in a thread, for tests.
docs/local-s3.md says what it does, what it refuses and how it keeps objects.
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
