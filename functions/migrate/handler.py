"""migrate - brings the database up to date, as its owner: every migration once, in order.

It is run after each deployment, which contains the files. Until it has run, the new code meets the old
schema. So a migration only adds what the previous code can ignore, and what no code uses any more is dropped
by a later deployment (migrations/README.md).

Response  {"applied": the names of the migrations that were new}
Errors    the invocation fails when there are no files, or when one that was applied has changed
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrine import migrations
from vitrine.settings import settings


def handler(_: dict[str, Any], __: object) -> dict[str, list[str]]:
    return {"applied": migrations.apply(settings().owner_database_url, Path(settings().migrations))}
