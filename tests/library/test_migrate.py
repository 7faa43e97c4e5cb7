"""The function that brings the database up to date."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from functions.migrate.handler import handler
from local.places import StartError
from local.stack import Stack
from tests.given.stack import cluster, database
from tests.given.unreleased import unreleased_database
from tools.routes import ROOT
from tools.schema import FILE, describe
from vitrine import migrations
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


def test_a_database_of_the_last_unreleased_version_gets_the_schema_and_keeps_its_rows(tmp_path: Path) -> None:
    organization = uuid4()
    with unreleased_database(tmp_path) as url, psycopg.connect(url, autocommit=True) as owner:
        owner.execute("insert into organizations (id, name, slug) values (%s, 'T', 't')", [organization])
        owner.execute(
            """
            insert into objects (organization_id, key, kind, version_id, state, hold_until, etag)
            values (%(organization)s, 'a', 'original', gen_random_uuid(), 'doomed', '2026-01-02Z', null),
                   (%(organization)s, 'b', 'original', gen_random_uuid(), 'live', null, 'e')
            """,
            {"organization": organization},
        )

        applied = [migrations.apply(url, ROOT / "migrations") for _ in range(2)]

        assert [names[:1] for names in applied] == [["upgrade_unreleased.sql"], []]
        assert definitions(describe(url)) == definitions(FILE.read_text())
        assert owner.execute("select key, state, keep_until::text from objects order by key").fetchall() == [
            ("a", "deleting", "2026-01-02 00:00:00+00"),
            ("b", "live", None),
        ]


def definitions(schema: str) -> list[str]:
    """Its lines in any order, without comments: columns that were added later stand last in an older
    database.
    """
    lines = (" ".join(line.split()).rstrip(",") for line in schema.splitlines())
    return sorted(line for line in lines if not line.startswith("--"))


def test_a_database_of_an_earlier_unreleased_version_is_left_as_it_is(tmp_path: Path) -> None:
    with unreleased_database(tmp_path, before="0025_texts.sql") as url:
        before = describe(url)

        with pytest.raises(
            RuntimeError, match=r"^This database comes from an unreleased version.* 0024_retired.sql"
        ):
            migrations.apply(url, ROOT / "migrations")

        assert describe(url) == before
