"""The four processes together: killed one by one and restarted, they go on with what is on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import psycopg
import pytest

from local import CLONE
from local.queues import Counts, Outgoing, Queues
from local.stack import PARTS, Stack
from local.template import read
from tests.stack import reachable_folder, running_stack

pytestmark = pytest.mark.xdist_group("stack")  # one for all of them


@pytest.fixture(scope="module")
def stack() -> Generator[Stack]:
    with running_stack(environment={"QUEUE_VISIBILITY": "1"}) as running:
        yield running


def until(claim: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def me(stack: Stack) -> int:
    """With a key that nobody has: the database must be asked."""
    return httpx.get(f"{stack.origin}/api/me", headers={"x-api-key": f"sk_live_{'0' * 64}"}, timeout=40).status_code


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_missed_comes_back_alone_and_the_others_never_noticed(stack: Stack, part: str) -> None:
    origin, owner = stack.origin, stack.owner_url
    stack.kill(part)

    stack.restart(part)

    until(lambda: me(stack) == 401)
    assert (stack.origin, stack.owner_url, stack.died()) == (origin, owner, [])


@pytest.mark.soak
def test_the_api_and_the_worker_start_before_there_is_a_database(stack: Stack) -> None:
    stack.kill("postgres")
    stack.restart("api")
    stack.restart("worker")

    assert httpx.get(f"{stack.origin}/api/nowhere").status_code == 404  # there is nothing to ask the database
    stack.restart("postgres")

    until(lambda: me(stack) == 401)


def test_a_message_in_a_killed_worker_is_taken_by_the_next(stack: Stack) -> None:
    queues = Queues(stack.owner_url, read(CLONE / "template.yaml").queues)
    stack.kill("worker")
    queues.open()
    queues.send("UploadStoredQueue", [Outgoing('{"Event": "s3:TestEvent"}')])
    queues.receive("UploadStoredQueue", visibility=3600)  # as the dead one did

    stack.restart("worker")

    until(lambda: queues.counts("UploadStoredQueue") == Counts(0, 0, 0))
    queues.close()


def test_the_roles_are_walled_in(stack: Stack) -> None:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute("select current_user, rolsuper or rolbypassrls from pg_roles where rolname = current_user").fetchone()

    assert row == ("vitrine_app", False)


def test_secrets_on_disk_are_for_their_owner_alone(stack: Stack) -> None:
    for name in ("config.json", "postgres/server.json"):
        assert (stack.folder / name).stat().st_mode & 0o777 == 0o600


STARTS_ONE = """
import sys, time
from pathlib import Path
from local.stack import Stack
stack = Stack(Path(sys.argv[1]), durable=False)
stack.start()
print(*(p.pid for p in stack._processes.values()), stack.postgres.process.pid, flush=True)
time.sleep(120)
"""


def test_nothing_is_left_of_a_stack_whose_supervisor_was_killed() -> None:
    with reachable_folder() as folder:
        supervisor = subprocess.Popen(
            [sys.executable, "-c", STARTS_ONE, str(folder)], env={**os.environ, "PYTHONPATH": str(CLONE)}, stdout=subprocess.PIPE, text=True
        )
        assert supervisor.stdout is not None
        parts = [int(word) for word in supervisor.stdout.readline().split()]
        assert len(parts) == 4

        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
        supervisor.stdout.close()

        until(lambda: not any(Path(f"/proc/{part}").exists() for part in parts))
