"""The migrations of the last unreleased version: what a database from before v0.1.0 was made by."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.given.stack import cluster, database
from vitrine import migrations

if TYPE_CHECKING:
    from collections.abc import Generator

ARCHIVE = Path(__file__).with_name("unreleased_migrations.zip")


def unpack(folder: Path, *, before: str | None = None) -> Path:
    """The folder, with those migrations whose name sorts before this one; with all of them by default."""
    shutil.unpack_archive(ARCHIVE, folder)
    for file in folder.glob("*.sql"):
        if before is not None and file.name >= before:
            file.unlink()
    return folder


@contextmanager
def unreleased_database(folder: Path, *, before: str | None = None) -> Generator[str]:
    """The owner's URL of a database that these migrations made. They are unpacked into the folder."""
    with cluster() as server, database(server) as url:
        migrations.apply(url, unpack(folder, before=before))
        yield url
