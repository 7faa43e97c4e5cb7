"""migrate - brings the database up to date, as its owner: every migration once, in order. Run at deploy, before the functions change.

Response  {"applied": the names of those that were new}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrine import migrations
from vitrine.settings import settings


def handler(_: dict[str, Any], __: object) -> dict[str, list[str]]:
    return {"applied": migrations.apply(settings().owner_database_url, Path(settings().migrations))}
