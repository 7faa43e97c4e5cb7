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
from tests.stack import database, reachable_folder
from tests.tenants import Tenant
from vitrine import db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNSCHEDULED = {"SCHEDULE_SECONDS": "86400"}     # a job runs when a test runs it
_running = ExitStack()
collect_ignore = [] if find_spec("playwright") else ["browser"]     # `make test-browser` installs it


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly or "API_URL" in os.environ:
        return
    given = os.environ.get("DATABASE_URL")
    owner_url = _running.enter_context(database(given)) if given else None
    stack = _running.enter_context(Stack(_running.enter_context(reachable_folder()), durable=False, owner_url=owner_url, environment=UNSCHEDULED))
    os.environ.update(stack.environment() | {"API_URL": stack.origin, "OWNER_DATABASE_URL": stack.owner_url})


def pytest_unconfigure(config: pytest.Config) -> None:
    _running.close()


@pytest.fixture(scope="session", autouse=True)
def _closed() -> Iterator[None]:
    """No test leaves a connection or a client open: that would be a warning, and warnings are errors."""
    yield
    db.close()
    tenants.close()


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
