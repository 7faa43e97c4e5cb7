"""Databases, an S3 server, and a whole stack as `make run` has it, for tests.

These are plain context managers; fixtures are made of them. Whatever they start ends with them, however they
end.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local import CLONE
from local.places import free_port
from local.postgres import Postgres, create_database, drop_database
from local.stack import Stack
from local.template import REGION
from local.tether import tethered
from tests.given import minted


@contextmanager
def reachable_folder() -> Generator[Path]:
    """A folder that the database's account can reach when root runs the tests: pytest's own folders are
    closed to it.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitrine-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster() -> Generator[str]:
    """The owner's URL of a server for databases: that of this test run's stack, or a new server where there
    is none.
    """
    if given := os.environ.get("OWNER_DATABASE_URL"):
        yield given
        return
    with reachable_folder() as folder:
        server = Postgres(folder / "postgres", durable=False)
        try:
            yield server.start()
        finally:
            server.stop()


@contextmanager
def database(owner_url: str, *, template: str | None = None) -> Generator[str]:
    """The owner's URL of a new database in that server, which is dropped afterwards."""
    name = f"test_{secrets.token_hex(8)}"
    url = create_database(owner_url, name, template=template)
    try:
        yield url
    finally:
        drop_database(owner_url, urlsplit(url).path[1:])


@dataclass(frozen=True, slots=True)
class S3:
    """A running S3 server in a process of its own."""

    url: str
    bucket: str
    region: str
    access_key_id: str
    secret_access_key: str
    root: Path  # objects; its journal in .events


@contextmanager
def s3_server(
    *, cors: Mapping[str, object] | None = None, notify: list[Mapping[str, str]] | None = None
) -> Generator[S3]:
    """An S3 server with `cors` in the form of CloudFormation and `notify` as `[{"event": ..., "prefix":
    ...}]`.

    Every event is written to its journal unless `notify` is given.
    """
    with reachable_folder() as folder:
        server = S3(
            f"http://127.0.0.1:{free_port()}",
            "vitrine",
            REGION,
            "LOCALTEST",
            secrets.token_urlsafe(24),
            folder / "s3",
        )
        words = [
            "--root",
            str(server.root),
            "--port",
            server.url.rpartition(":")[2],
            "--bucket",
            server.bucket,
            "--region",
            REGION,
            "--no-fsync",
        ]
        for option, document in (("--cors", cors), ("--notify", notify)):
            if document is not None:
                file = folder / f"{option[2:]}.json"
                file.write_text(json.dumps(document))
                words += [option, str(file)]
        environment = {
            **os.environ,
            "S3_ACCESS_KEY_ID": server.access_key_id,
            "S3_SECRET_ACCESS_KEY": server.secret_access_key,
        }
        process = subprocess.Popen(
            tethered([sys.executable, "-m", "local.s3", *words]),
            cwd=CLONE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        try:
            if process.stdout is None or not process.stdout.readline():  # it prints one line when it is ready
                pytest.fail("the S3 server did not start; its output is above")
            yield server
        finally:
            process.terminate()
            process.wait(10)
            if process.stdout:
                process.stdout.close()


@contextmanager
def running_stack(*, environment: Mapping[str, str] | None = None) -> Generator[Stack]:
    """Postgres, S3, API and worker on free ports, for tests that kill them."""
    with reachable_folder() as folder:
        with Stack(folder, durable=False, environment=environment) as stack:
            minted.note_environment(stack.environment())
            yield stack
        minted.record_leaks(folder)
