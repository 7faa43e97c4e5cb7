"""One running stack for the whole test run, as `make run` starts it: Postgres, S3, API and worker, on free ports and a folder of their own.

The stack is started once, by the process that starts the test workers, and its environment is handed down; so a test can speak HTTP to it and
call the library in-process over the same database and store. Each test makes its own organization: nothing is cleaned up, nothing collides.
With API_URL the tests over HTTP run against that deployment instead; WORKER_DATABASE_URL must then lead to its database.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from local.stack import Stack
from tests import tenants
from tests.stack import database, reachable_folder, running_stack
from tests.tenants import Tenant
from vitrine import aws, db
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNSCHEDULED = {"SCHEDULE_SECONDS": "86400"}     # a job runs when a test runs it
# The suite is one address that asks much; the tests of the limits set their own.
PLENTY = {f"{name}_LIMIT": "10000000" for name in ("V1_READ", "V1_WRITE", "STUDIO_READ", "STUDIO_WRITE", "UPLOAD", "AUTH", "DEVICE")}
PLENTY["MAX_API_KEYS"] = "1000"
_running = ExitStack()
collect_ignore = [] if find_spec("playwright") else ["browser"]     # `make test-browser` installs it


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly or "API_URL" in os.environ:
        return
    given = os.environ.get("DATABASE_URL")
    owner_url = _running.enter_context(database(given)) if given else None
    folder = _running.enter_context(reachable_folder())
    stack = _running.enter_context(Stack(folder, durable=False, owner_url=owner_url, environment=UNSCHEDULED | PLENTY))
    os.environ.update(stack.environment() | {"API_URL": stack.origin, "OWNER_DATABASE_URL": stack.owner_url})


def pytest_unconfigure(config: pytest.Config) -> None:
    _running.close()


@pytest.fixture(scope="session", autouse=True)
def _closed() -> Iterator[None]:
    """No test leaves a connection or a client open: that would be a warning, and warnings are errors."""
    yield
    db.close()
    tenants.close()


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """A stack of this module's own, which this process's library speaks to as well: for what kills its parts, or runs jobs, which cross
    organizations, at times that are not now.
    """
    with running_stack(environment={"QUEUE_VISIBILITY": "1"} | PLENTY) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in (running.environment() | {"API_URL": running.origin, "OWNER_DATABASE_URL": running.owner_url}).items():
            patch.setenv(name, value)
        _forget()
        yield running
        _forget()
    _forget()


def _forget() -> None:
    """Of where the environment led before."""
    db.close()
    tenants.close()
    settings.cache_clear()
    aws.s3.cache_clear()
    aws.sqs.cache_clear()


@pytest.fixture
def another_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Of this process alone: its settings are read anew, now and afterwards."""
    settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def found() -> Callable[[], Tenant]:
    """Makes organizations."""
    return lambda: Tenant.found(uuid4().hex)


@pytest.fixture
def tenant(found: Callable[[], Tenant]) -> Tenant:
    """An organization of this test's own, with its owner and default collection."""
    return found()


@pytest.fixture
def stranger(found: Callable[[], Tenant]) -> Tenant:
    """Another organization."""
    return found()
