"""migrate - applies the migrations to the database, as its owner: each once, in order. Run it after each
deployment, which contains the files.

Until it has run, the new functions work on the old tables. So a migration adds only what older code can
ignore, and what is no longer used is removed in a later deployment.
Response  {"applied": the names of the migrations that were applied}
Errors    the invocation fails when there are no files, or when one that was applied has changed
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrine import migrations
from vitrine.settings import settings


def handler(_: dict[str, Any], __: object) -> dict[str, list[str]]:
    return {"applied": migrations.apply(settings().owner_database_url, Path(settings().migrations))}
