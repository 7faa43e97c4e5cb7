"""The function that brings the database up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.migrate.handler import handler
from local.places import StartError
from local.stack import Stack
from tests.given.stack import cluster, database
from vitrine.settings import settings


def test_every_migration_runs_once(another_environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("create table first (id int)")
    with cluster() as server, database(server) as url:
        another_environment.setenv("OWNER_DATABASE_URL", url)
        another_environment.setenv("MIGRATIONS", str(tmp_path))

        answers = [handler({}, None), handler({}, None)]

    assert answers == [{"applied": ["0001_first.sql"]}, {"applied": []}]


@pytest.mark.parametrize("folder", ["missing", "empty", "of other files"])
def test_without_files_it_fails(another_environment: pytest.MonkeyPatch, tmp_path: Path, folder: str) -> None:
    if folder != "missing":
        (tmp_path / "migrations").mkdir()
    if folder == "of other files":
        (tmp_path / "migrations" / "README.sql").write_text("")
    another_environment.setenv("MIGRATIONS", str(tmp_path / "migrations"))
    settings.cache_clear()

    with pytest.raises(FileNotFoundError, match=r"^There is no migration in .*/migrations$"):
        handler({}, None)


def test_a_clone_without_migrations_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("local.stack.CLONE", tmp_path)
    monkeypatch.setattr(Stack, "origin", "http://127.0.0.1:1")

    with pytest.raises(
        StartError, match=r"^There is no migration in .*/migrations. The clone is not complete.$"
    ):
        Stack(tmp_path / "data", owner_url="postgresql://nobody:secret@127.0.0.1:1/nothing").start()
