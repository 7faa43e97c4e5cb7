"""The S3 server as a command."""

import argparse
import os
import re
import sqlite3
import sys
from pathlib import Path

from pydantic import ValidationError

from local.s3.cors import read_cors
from local.s3.events import Notification, read_notifications
from local.s3.serve import serve
from local.s3.settings import Settings
from local.s3.signatures import Credentials
from vitrine.process import hide


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.s3",
        description=(
            "S3 on disk, for one bucket, on 127.0.0.1. Prints one line ending in its URL when it is ready."
        ),
        epilog=(
            "Credentials come from S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, and S3_SESSION_TOKEN where "
            "every request must carry one."
        ),
    )
    parser.add_argument(
        "--root", type=Path, required=True, help="the folder that objects and events are kept in"
    )
    parser.add_argument("--bucket", required=True, help="the one bucket there is")
    parser.add_argument("--port", type=int, default=0, help="0, the default: any free one")
    parser.add_argument(
        "--region", default="eu-central-1", help="the region signatures must name (default: %(default)s)"
    )
    parser.add_argument(
        "--cors",
        type=Path,
        metavar="FILE",
        help='JSON: {"CorsRules": [{"AllowedOrigins": [...], ...}]}, as in CloudFormation',
    )
    parser.add_argument(
        "--notify",
        type=Path,
        metavar="FILE",
        help='such as [{"event": "s3:ObjectCreated:Put", "prefix": "in/"}] (default: all)',
    )
    parser.add_argument(
        "--require-if-match-on-delete",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="deny DeleteObject without If-Match, as our bucket's policy does (default: yes)",
    )
    parser.add_argument(
        "--no-fsync", action="store_true", help="lose objects when the machine crashes; for benchmarks"
    )
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", options.bucket):
        parser.error("--bucket: 3 to 63 lower case letters, digits, dots and hyphens")
    missing = [name for name in ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY") if not os.environ.get(name)]
    if missing:
        parser.error(f"not in the environment: {', '.join(missing)}")

    try:
        settings = Settings(
            root=options.root,
            bucket=options.bucket,
            credentials=Credentials(
                os.environ["S3_ACCESS_KEY_ID"],
                os.environ["S3_SECRET_ACCESS_KEY"],
                os.environ.get("S3_SESSION_TOKEN") or None,
            ),
            region=options.region,
            cors=read_cors(options.cors) if options.cors else (),
            notifications=read_notifications(options.notify)
            if options.notify
            else (Notification("s3:ObjectCreated:*"),),
            require_if_match_on_delete=options.require_if_match_on_delete,
            durable=not options.no_fsync,
        )
        serve(settings, options.port)
    except (OSError, ValidationError, ValueError) as rejection:
        parser.error(str(rejection))
    except sqlite3.OperationalError as rejection:
        parser.error(f"{options.root}: {rejection} (does another server use this folder?)")
    return 0


if __name__ == "__main__":
    hide()  # the environment has its keys
    sys.exit(main())
