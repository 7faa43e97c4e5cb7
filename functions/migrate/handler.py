"""migrate - brings the database up to date, as its owner: every migration once, in order. Run after each
deployment, which brings the files.

Until it has run, the new functions meet the old tables: a migration only adds what the code before it can
ignore, and what nobody uses any more
goes in a later deployment.
Response  {"applied": the names of those that were new}
Errors    the invocation fails when there are no files, or when one that was applied has changed
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrine import migrations
from vitrine.settings import settings


def handler(_: dict[str, Any], __: object) -> dict[str, list[str]]:
    return {"applied": migrations.apply(settings().owner_database_url, Path(settings().migrations))}
