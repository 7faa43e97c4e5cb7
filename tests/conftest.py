"""One running stack for the whole test run, as `make run` starts it: Postgres, S3, API and worker, on free
ports and in a folder of its own.

The stack is started once, by the process that starts the test workers, which inherit its environment. A test
can send HTTP requests to it, and call the library in its own process on the same database and store. Each
test creates its own organization: nothing is cleaned up, nothing collides. With API_URL the tests over HTTP
run against that deployment instead; WORKER_DATABASE_URL must then name its database.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from xdist.scheduler import LoadFileScheduling

from local import CLONE
from local.stack import Stack
from tests.given import minted, tenants
from tests.given.stack import database, reachable_folder, running_stack
from tests.given.tenants import Tenant
from vitrine import aws, db
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xdist.remote import Producer

UNSCHEDULED = {"SCHEDULE_SECONDS": "86400"}  # a job runs when a test runs it
# The suite sends many requests from one address. The tests of rate limits set their own.
QUICK = {"CREDENTIAL_DELAY": "0.01"}
PLENTY = (
    QUICK
    | {"MAX_API_KEYS": "1000"}
    | {
        f"{name}_LIMIT": "10000000"
        for name in ("V1_READ", "V1_WRITE", "STUDIO_READ", "STUDIO_WRITE", "UPLOAD", "AUTH", "DEVICE")
    }
)
_running = ExitStack()
collect_ignore = [] if find_spec("playwright") else ["browser"]  # `make test-browser` installs it


def pytest_configure(config: pytest.Config) -> None:
    # Compiled modules are written also for the processes that tests start: each would compile all of them
    # otherwise.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if hasattr(config, "workerinput"):
        _record_own_logs()
    if hasattr(config, "workerinput") or config.option.collectonly or "API_URL" in os.environ:
        return
    compiling = _compile_tests() if getattr(config.option, "numprocesses", None) else None
    server = os.environ.get("DATABASE_URL")
    owner_url = _running.enter_context(database(server)) if server else None
    folder = _running.enter_context(reachable_folder())
    stack = _running.enter_context(
        Stack(folder, durable=False, owner_url=owner_url, environment=UNSCHEDULED | PLENTY)
    )
    os.environ.update(
        stack.environment() | QUICK | {"API_URL": stack.origin, "OWNER_DATABASE_URL": stack.owner_url}
    )
    _note_secrets(folder)
    if compiling:
        compiling.wait()


def _compile_tests() -> subprocess.Popen[bytes] | None:
    """Start a process that compiles all tests; None where most of them are compiled already.

    Pytest rewrites assertions as it compiles, which takes eight seconds: the workers start at the same
    moment, and each of them would spend these.
    """
    tag = f"{sys.implementation.cache_tag}-pytest-{pytest.__version__}"
    sources = list(Path(__file__).parent.rglob("test_*.py"))
    if (
        sum((source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc").exists() for source in sources)
        > len(sources) // 2
    ):
        return None
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0"]
    return subprocess.Popen(
        command, cwd=CLONE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _note_secrets(folder: Path) -> None:
    """Note secrets in this folder from now on, and log there what the library logs in the tests'
    processes.
    """
    os.environ[minted.NOTES] = str(folder / "noted")
    (folder / "noted").touch()
    minted.note_environment(os.environ)
    _record_own_logs()


def _record_own_logs() -> None:
    if minted.NOTES in os.environ:
        logging.getLogger().addHandler(
            minted.RecordHandler(Path(os.environ[minted.NOTES]).parent / "log" / f"tests-{os.getpid()}.log")
        )
        logging.getLogger().setLevel(logging.INFO)


@pytest.hookimpl(tryfirst=True)  # before pytest's own selection by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Select the first and every n-th further variant of a test marked `sampled(n)` for the default run.

    The other variants belong to the long runs.
    """
    seen = Counter[str]()
    for item in items:
        sampled = item.get_closest_marker("sampled")
        if sampled is not None:
            function = item.nodeid.partition("[")[0]
            if seen[function] % sampled.args[0]:
                item.add_marker(pytest.mark.soak)
            seen[function] += 1


_leaked: list[str] = []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when one of its logs contains a secret that it minted."""
    if hasattr(session.config, "workerinput") or minted.NOTES not in os.environ:
        return
    recorded = minted.recorded_leaks()
    of_deleted_stacks = recorded.read_text().splitlines() if recorded.exists() else []
    _leaked.extend([*of_deleted_stacks, *minted.leaks(minted.logs_of(Path(os.environ[minted.NOTES]).parent))])
    if _leaked:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _leaked:
        terminalreporter.section("secrets in logs", red=True)
        terminalreporter.line(f"FAILED: the logs of this run contain secrets, in {len(_leaked)} places:")
        for leak in _leaked[:40]:
            terminalreporter.line(leak)


def pytest_unconfigure(config: pytest.Config) -> None:
    _running.close()


@pytest.fixture(scope="session", autouse=True)
def _closed() -> Iterator[None]:
    """Close all connections and clients at the end: an open one is a warning, and warnings are errors."""
    yield
    db.close()
    tenants.close()


# Modules that share one further stack. They run one after another in the same worker, in the order of their
# names. A module that is missing here has a stack to itself, as tests/worker/test_kills.py, which checks
# everything in its stack.
SHARED_STACKS = {
    "tests/accounts/test_expire_credentials.py": "jobs",
    "tests/uploads/test_expire_uploads.py": "jobs",
    "tests/worker/test_purge_deleted.py": "jobs",
    "tests/worker/test_sweep_orphans.py": "jobs",
    "tests/library/test_idempotency.py": "outages",
    "tests/library/test_random_operations.py": "outages",
    "tests/uploads/test_upload_form.py": "outages",
    "tests/v1/test_v1_internal_errors.py": "outages",
}


class Scheduler(LoadFileScheduling):  # type: ignore[misc]    # xdist has no types for mypy
    """Runs the tests of one file, or of the files that share a stack, in one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return SHARED_STACKS.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    return Scheduler(config, log)


class FurtherStack:
    """The further stack that runs in this process; at most one at a time."""

    def __init__(self) -> None:
        self._name = ""
        self._running = ExitStack()

    def start(self, name: str) -> Stack:
        """Return the stack of this name. The stack of another name is stopped before it starts."""
        if name != self._name:
            self.stop()
            self._stack = self._running.enter_context(
                running_stack(environment={"QUEUE_VISIBILITY": "1"} | PLENTY)
            )
            self._name = name
        return self._stack

    def stop(self) -> None:
        self._name = ""
        self._running.close()


@pytest.fixture(scope="session")
def further_stack() -> Iterator[FurtherStack]:
    further = FurtherStack()
    yield further
    further.stop()


@pytest.fixture(scope="module")
def separate_stack(request: pytest.FixtureRequest, further_stack: FurtherStack) -> Iterator[Stack]:
    """A stack beside that of the test run, which the library in this process uses too. It is for tests that
    kill parts of a stack, or run jobs for other times: jobs work on all organizations.
    """
    file: str = request.node.nodeid
    running = further_stack.start(SHARED_STACKS.get(file, file))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            running.environment() | {"API_URL": running.origin, "OWNER_DATABASE_URL": running.owner_url}
        ).items():
            patch.setenv(name, value)
        _close_clients()
        yield running
        _close_clients()
    _close_clients()


def _close_clients() -> None:
    """Close connections and clients, and forget the settings, of the environment before."""
    db.close()
    tenants.close()
    settings.cache_clear()
    aws.s3.cache_clear()
    aws.sqs.cache_clear()


@pytest.fixture
def another_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment of this process, whose settings are read again now and after the test."""
    settings.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def new_tenant() -> Callable[[], Tenant]:
    """A function that creates an organization."""
    return lambda: Tenant.create(uuid4().hex)


@pytest.fixture
def tenant(new_tenant: Callable[[], Tenant]) -> Tenant:
    """An organization for this test alone, with its owner and default collection."""
    return new_tenant()


@pytest.fixture
def stranger(new_tenant: Callable[[], Tenant]) -> Tenant:
    """Another organization."""
    return new_tenant()
