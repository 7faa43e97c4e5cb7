"""The four processes together: killed one by one and restarted, they continue with the data on disk."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from local import CLONE
from local.__main__ import RunOptions, parse_options
from local.config import config
from local.places import StartError, free_port, is_free
from local.queues import Counts, Outgoing, Queues
from local.stack import PARTS, Stack
from local.template import read
from tests.given.stack import reachable_folder, running_stack

pytestmark = pytest.mark.xdist_group("stack")  # one stack for all of them


@pytest.fixture(scope="module")
def stack() -> Generator[Stack]:
    with running_stack(environment={"QUEUE_VISIBILITY": "1"}) as running:
        yield running


def wait_until(claim: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "the condition was not met"
        time.sleep(0.05)


def me(stack: Stack) -> int:
    """The status of a request with an unknown key, which needs the database."""
    return httpx.get(
        f"{stack.origin}/api/me", headers={"x-api-key": f"sk_live_{'0' * 64}"}, timeout=40
    ).status_code


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.sampled(2)
def test_a_killed_part_is_restarted_alone_and_the_others_keep_running(stack: Stack, part: str) -> None:
    origin, owner = stack.origin, stack.owner_url
    stack.kill(part)

    stack.restart(part)

    wait_until(lambda: me(stack) == 401)
    assert (stack.origin, stack.owner_url, stack.died()) == (origin, owner, [])


@pytest.mark.soak
def test_the_api_and_the_worker_start_before_the_database(stack: Stack) -> None:
    stack.kill("postgres")
    stack.restart("api")
    stack.restart("worker")

    assert httpx.get(f"{stack.origin}/api/nowhere").status_code == 404  # needs no database
    stack.restart("postgres")

    wait_until(lambda: me(stack) == 401)


def test_a_message_of_a_killed_worker_is_received_by_the_next(stack: Stack) -> None:
    queues = Queues(stack.owner_url, read(CLONE / "template.yaml").queues)
    stack.kill("worker")
    queues.open()
    queues.send("UploadStoredQueue", [Outgoing('{"Event": "s3:TestEvent"}')])
    queues.receive("UploadStoredQueue", visibility=3600)  # as the killed worker did

    stack.restart("worker")

    wait_until(lambda: queues.counts("UploadStoredQueue") == Counts(0, 0, 0))
    queues.close()


def test_the_applications_role_cannot_bypass_row_level_security(stack: Stack) -> None:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(
            "select current_user, rolsuper or rolbypassrls from pg_roles where rolname = current_user"
        ).fetchone()

    assert row == ("vitrine_app", False)


def test_secrets_on_disk_are_readable_by_their_owner_alone(stack: Stack) -> None:
    for name in ("config.json", "postgres/server.json"):
        assert (stack.folder / name).stat().st_mode & 0o777 == 0o600


def open_to_others(folder: Path) -> dict[str, str]:
    """The entries of the folder, except `postgres`, whose mode gives others access, with that mode."""
    files = [each for each in folder.rglob("*") if "postgres" not in each.relative_to(folder).parts]
    modes = {str(each.relative_to(folder)): each.lstat().st_mode for each in files if not each.is_symlink()}
    return {name: oct(mode & 0o777) for name, mode in modes.items() if mode & 0o077}


def test_the_data_folder_is_accessible_to_its_owner_alone(stack: Stack) -> None:
    assert {"config.json", "ports.json", "cors.json", "log", "s3"} <= {
        each.name for each in stack.folder.iterdir()
    }
    assert open_to_others(stack.folder) == {}
    # 0711 as root: the database's account passes through
    assert stack.folder.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700)
    assert (stack.folder / "postgres").stat().st_mode & 0o077 == (0o011 if os.geteuid() == 0 else 0)
    assert open_to_others(stack.folder / "postgres") == {}


NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/nothing"  # a start fails when it reaches its database


def test_a_folder_of_an_earlier_version_becomes_private_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("log", "s3/vitrine/blobs/ab", "s3/.events", "postgresql-1/bin", "postgres/data"):
        (folder / name).mkdir(parents=True)
    files = (
        "lock",
        "ports.json",
        "log/api.log",
        "s3/vitrine/catalogue.sqlite",
        "s3/vitrine/blobs/ab/abc",
        "postgresql-1/bin/initdb",
        "postgres/x",
    )
    for name in files:
        (folder / name).write_text("")
    for each in (folder, *folder.rglob("*")):
        each.chmod(0o755)
    (folder / "log").chmod(0o700)  # as earlier versions created it, with files readable by others
    (folder / "elsewhere").symlink_to(tmp_path)
    outside = tmp_path.stat().st_mode

    with pytest.raises(psycopg.OperationalError):
        Stack(folder, owner_url=NOWHERE).start()

    assert open_to_others(folder) == {}
    assert (folder / "postgresql-1/bin/initdb").stat().st_mode & 0o777 == 0o700
    assert (folder / "postgres/x").stat().st_mode & 0o777 == 0o755
    assert tmp_path.stat().st_mode == outside


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("module", ["local.s3", "local.server", "local.worker"])
def test_no_part_shows_its_environment_to_other_processes_of_its_user(tmp_path: Path, module: str) -> None:
    arguments = {
        "local.s3": ["--root", str(tmp_path), "--bucket", "vitrine"],
        "local.worker": ["--events", str(tmp_path)],
    }
    keys = {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b", "QUEUES_DATABASE_URL": NOWHERE}
    look = "import sys; print(open(f'/proc/{sys.argv[1]}/environ').read())"
    # root may read the environment of every process
    without = ("/usr/bin/setpriv", "--bounding-set", "-all") if os.geteuid() == 0 else ()
    port = free_port()
    words = [*without, sys.executable, "-m", module, "--port", str(port), *arguments.get(module, [])]
    environment = {**os.environ, **keys, "PYTHONPATH": str(CLONE)}

    with subprocess.Popen(
        words, env=environment, cwd=CLONE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: not is_free(port))
        seen = subprocess.run(
            [*without, sys.executable, "-c", look, str(process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        process.kill()

    assert (seen.stdout, seen.stderr.splitlines()[-1].partition(":")[0]) == ("", "PermissionError")


def test_a_used_port_is_reported_with_the_option_for_another(tmp_path: Path) -> None:
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        api, store = first.getsockname()[1], second.getsockname()[1]
        stack = Stack(tmp_path / "data", ports=(api, store), owner_url=NOWHERE, report=lines.append)
        with pytest.raises(psycopg.OperationalError):
            stack.start()

    mine, its = urlsplit(stack.origin).port, urlsplit(stack.s3_url).port
    assert lines == [
        (
            f"Port {api} is taken: API is on port {mine} this time. "
            f"--port chooses one (make run ARGS='--port {mine}')."
        ),
        (
            f"Port {store} is taken: S3 is on port {its} this time. "
            f"--store-port chooses one (make run ARGS='--store-port {its}')."
        ),
    ]


def test_a_required_port_is_used_for_this_run_or_the_start_fails(tmp_path: Path) -> None:
    wanted, other = free_port(), free_port()
    stack = Stack(tmp_path / "data", ports=(other, wanted), required_ports={"api": wanted}, owner_url=NOWHERE)
    with pytest.raises(psycopg.OperationalError):
        stack.start()

    assert urlsplit(stack.origin).port == wanted
    assert urlsplit(stack.s3_url).port not in (wanted, None)
    # config.json is unchanged
    assert (config(stack.folder).api_port, config(stack.folder).s3_port) == (other, wanted)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        used = listener.getsockname()[1]
        with pytest.raises(
            StartError, match=rf"^Port {used} is taken. Choose another one with --store-port.$"
        ):
            Stack(tmp_path / "data", required_ports={"s3": used}, owner_url=NOWHERE).start()


def test_a_port_that_only_root_may_use_is_reported_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unprivileged(socket.socket):
        """A socket that cannot bind ports below 1024, as without root's rights."""

        def bind(self, address: object) -> None:
            if isinstance(address, tuple) and 0 < address[1] < 1024:
                raise PermissionError(13, "Permission denied")
            super().bind(address)  # type: ignore[arg-type]

    monkeypatch.setattr("socket.socket", Unprivileged)

    with pytest.raises(
        StartError, match=r"^Port 80 is one that only root may use. Choose another one with --port.$"
    ):
        Stack(tmp_path / "data", required_ports={"api": 80}, owner_url=NOWHERE).start()


def test_the_options_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_options([]) == RunOptions({}, like_aws=False)
    assert parse_options(["--port", "9000", "--store-port=9001"]) == RunOptions(
        {"api": 9000, "s3": 9001}, like_aws=False
    )
    assert parse_options(["--like-aws"]) == RunOptions({}, like_aws=True)
    for words in (
        ["--port", "0"],
        ["--port", "65536"],
        ["--port", "http"],
        ["--port", "9000", "--store-port", "9000"],
        ["9000"],
        ["--prot", "1"],
    ):
        with pytest.raises(SystemExit) as ended:
            parse_options(words)
        assert ended.value.code == 2
    assert "--store-port PORT" in capsys.readouterr().err


STARTS_ONE = """
import sys, time
from pathlib import Path
from local.stack import Stack
stack = Stack(Path(sys.argv[1]), durable=False)
stack.start()
print(*(p.pid for p in stack._processes.values()), stack.postgres.process.pid, flush=True)
time.sleep(120)
"""


def test_every_part_ends_when_the_supervisor_is_killed() -> None:
    with reachable_folder() as folder:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", STARTS_ONE, str(folder)],
            env={**os.environ, "PYTHONPATH": str(CLONE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert supervisor.stdout is not None
        parts = [int(word) for word in supervisor.stdout.readline().split()]
        assert len(parts) == 4

        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
        supervisor.stdout.close()

        wait_until(lambda: not any(Path(f"/proc/{part}").exists() for part in parts))
