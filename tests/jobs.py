"""Scheduled jobs, run by a test: whole, and at whatever time it is to be."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any


def run(job: str, *, later: timedelta = timedelta(), dry_run: bool = False) -> dict[str, str]:
    """What the job did to which item, its clock set so much later; the last deed of each item counts."""
    handler = importlib.import_module(f"functions.{job}.handler").handler
    report: dict[str, Any] = handler({"now": (datetime.now(UTC) + later).isoformat(), "dryRun": dry_run}, None)
    assert report["complete"], report
    return {item: deed for _, deed, item in report["done"]}
