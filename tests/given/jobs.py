"""Scheduled jobs, run by a test: whole, and at whatever time it is to be."""

from __future__ import annotations

import importlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any


def run(job: str, *, later: timedelta = timedelta(), dry_run: bool = False) -> dict[str, str]:
    """What the job did to which item, its clock set so much later; the last deed of each item counts."""
    handler = importlib.import_module(f"functions.{job}.handler").handler
    until = time.monotonic() + 30
    while True:
        report: dict[str, Any] = handler(
            {"now": (datetime.now(UTC) + later).isoformat(), "dryRun": dry_run}, None
        )
        if report["ran"] or time.monotonic() > until:  # somebody else is at it: one at a time
            break
        time.sleep(0.1)
    assert report["complete"], report
    return {item: deed for _, deed, item in report["done"]}
