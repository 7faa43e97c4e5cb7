"""The four processes of the laptop's AWS, as one thing: Postgres, S3, API and worker.

    with Stack(folder) as stack:            # free ports, its own database, all data in the folder
        httpx.get(f"{stack.origin}/api/me")
        stack.kill("worker")                # SIGKILL, as a crash would
        stack.restart("worker")

`make run` is this with fixed ports, in a loop that restarts what dies. So a test that kills a part tries what
users run.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from local import CLONE, LAYERS
from local.config import config
from local.places import StartError, free_port, make_private, port_problem, private
from local.postgres import LOG_BYTES, Postgres, as_role
from local.template import ACCOUNT, REGION, Template, read
from local.tether import tethered

BUCKET = "vitrine"
PORT_OPTIONS: Mapping[str, str] = {"api": "--port", "s3": "--store-port"}  # of `make run`
PARTS = ("postgres", "s3", "api", "worker")  # in the order of their start
PATIENCE = 60.0  # seconds until a part must answer
FAREWELL = 12.0  # seconds until a part that was asked to end is killed
# seconds: nobody at a laptop waits the hour that the template gives; one thread consumes a queue, so no two
# overlap
VISIBILITY = "30"


class Stack:
    """Start it from a thread that lives as long as the process: its parts end with that thread (see
    tether).
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: tuple[int, int] | None = None,
        required_ports: Mapping[str, int] | None = None,
        owner_url: str | None = None,
        durable: bool = True,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] | None = None,
        like_aws: bool = False,
    ) -> None:
        """`ports` of API and S3, where they are free; any free ones unless given. `required_ports`, by part,
        are those of this run alone, in place of
        `ports` and of what config.json says; none other will do. `owner_url` is a database to use in place of
        our own:
        then there is no part `postgres`.
        `environment` is for the functions, over all else (`{"PART_URL_TTL": "2"}`), and for the parts
        themselves: QUEUE_VISIBILITY and
        SCHEDULE_SECONDS, in seconds, stand for those of all queues and schedules. `like_aws`: the API has the
        limits of API Gateway and Lambda.
        """
        self.folder = folder
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self._say = say or _silent
        self._environment = environment or {}
        self._durable, self._like_aws = durable, like_aws
        self.config = config(folder, api_port=ports[0] if ports else 0, s3_port=ports[1] if ports else 0)
        self.postgres = None if owner_url else Postgres(folder / "postgres", durable=durable)
        self.owner_url = owner_url or ""
        self._required = required_ports or {}
        self._ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._ports['api']}"

    @property
    def s3_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def sqs_url(self) -> str:
        return f"http://127.0.0.1:{self._ports['worker']}"

    @property
    def database_url(self) -> str:
        """Of the role vitrine_app."""
        return as_role(self.owner_url, "vitrine_app", self._password("vitrine_app"))

    @property
    def worker_database_url(self) -> str:
        """Of the role vitrine_worker."""
        return as_role(self.owner_url, "vitrine_worker", self._password("vitrine_worker"))

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS if self.postgres else PARTS[1:]

    def pid(self, part: str) -> int:
        """Of a part's process (not of Postgres)."""
        return self._processes[part].pid

    def log(self, part: str) -> Path:
        return (
            self.postgres.log if part == "postgres" and self.postgres else self.folder / "log" / f"{part}.log"
        )

    def start(self) -> None:
        """All parts answer, migrations are applied. Raises StartError when a part does not; what had
        started is stopped then.
        """
        make_private(self.folder)
        try:
            self._choose_ports()
            if self.postgres:
                self._say("Postgres ...")
                self.owner_url = self.postgres.start()
            self._write("ports.json", json.dumps(self._ports))
            self._migrate()
            for part in PARTS[1:]:
                self._say(f"{part.upper() if part != 'worker' else part} on port {self._ports[part]} ...")
                self._start(part)
            for part in PARTS[1:]:
                # it asks the database; S3 answers 501 to a question it does not know
                self._wait(part, well=part == "api")
        except BaseException:
            self.stop()
            raise

    def attach(self) -> None:
        """Knows the addresses of a stack of this folder that another process started. Raises StartError
        when it has none yet.
        """
        try:
            self._ports = json.loads((self.folder / "ports.json").read_text())
        except FileNotFoundError:
            raise StartError("Vitrine is still starting; try again in a moment.") from None
        if self.postgres:
            self.owner_url = self.postgres.url

    def stop(self) -> None:
        """Nothing of it runs. What was under way has been finished, or comes back at the next start."""
        for part in ("api", "worker", "s3"):
            self._end(part)
        if self.postgres:
            self.postgres.stop()

    def kill(self, part: str) -> None:
        """SIGKILL: as a crash, or the kernel's memory killer."""
        if part == "postgres":
            self._own_postgres().kill()
            return
        process = self._processes.pop(part)
        process.kill()
        process.wait()
        _end_group(process.pid)

    def restart(self, part: str) -> None:
        """The part runs (again) and answers, whatever the others do: an error of its own counts as an
        answer.
        """
        if part == "postgres":
            before, self.owner_url = self.owner_url, self._own_postgres().start()
            # its port was taken meanwhile
            for other in ("api", "worker") if self.owner_url != before else ():
                self.restart(other)
            return
        self._end(part)
        self._start(part)
        self._wait(part, well=False)

    def died(self) -> list[str]:
        """The parts that ended without having been told to."""
        gone = [part for part, process in self._processes.items() if process.poll() is not None]
        server = self.postgres.process if self.postgres else None
        return [*(["postgres"] if server is not None and server.poll() is not None else []), *gone]

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """What a function finds in its environment here: the template's values, ours in place of what only a
        deployment knows.

        Of the caller's environment everything stays but what would lead to another database or another AWS.
        """
        from vitrine.settings import Settings  # its layer is on the path only now

        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PG")) and not name.endswith("DATABASE_URL")
        }
        origins = ",".join(
            filter(None, [own.get("ALLOWED_ORIGINS"), f"http://localhost:{self._ports['api']}"])
        )
        return {
            **{name: value for name, value in self._template(origins).environment.items() if value},
            **own,
            "PYTHONPATH": os.pathsep.join(map(str, (CLONE, *LAYERS))),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": ",".join(
                filter(None, [own.get("NO_PROXY", own.get("no_proxy")), "127.0.0.1,localhost"])
            ),
            "DATABASE_URL": self.database_url,
            "WORKER_DATABASE_URL": self.worker_database_url,
            "DB_POOL_SIZE": "8",  # requests share a process here
            "MIGRATIONS": str(CLONE / "migrations"),
            "BUCKET": BUCKET,
            "UPLOAD_STORED_QUEUE_URL": self._queue_url("UploadStoredQueue"),
            "VIDEO_STORED_QUEUE_URL": self._queue_url("VideoStoredQueue"),
            "IMPORT_REQUESTED_QUEUE_URL": self._queue_url("ImportRequestedQueue"),
            "ORIGIN": self.origin,
            **(
                {"FORM_MAX_BYTES": own.get("MAX_BODY_BYTES", str(Settings().max_body_bytes))}
                if self._like_aws
                else {}
            ),
            "SIGN_UP": own.get("SIGN_UP", "open"),  # a laptop is nobody's but its owner's
            "ALLOWED_ORIGINS": origins,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.config.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.config.secret_access_key,
            "AWS_ENDPOINT_URL_S3": self.s3_url,
            "AWS_ENDPOINT_URL_SQS": self.sqs_url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._environment,
        }

    # The parts

    def _password(self, role: str) -> str:
        """Follows from the owner's, since roles belong to a whole server: two stacks with databases in
        one agree on it.
        """
        secret = urlsplit(self.owner_url).password or self.config.secret_access_key
        return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()

    def _template(self, origins: str) -> Template:
        return _read(self.origin, origins)

    def _queue_url(self, queue: str) -> str:
        return f"{self.sqs_url}/{ACCOUNT}/{queue}"

    def _choose_ports(self) -> None:
        kept = {"api": self.config.api_port, "s3": self.config.s3_port, "worker": 0}
        # or another might get what one of them must have
        for part in sorted(kept, key=lambda part: part not in self._required):
            required = self._required.get(part, 0)
            if required and not self._ports.get(part) and (problem := port_problem(required)):
                raise StartError(f"Port {required} {problem}. Choose another one with {PORT_OPTIONS[part]}.")
            wanted = required or kept[part]
            taken = wanted in [port for other, port in self._ports.items() if other != part]
            port = self._ports[part] = self._ports.get(part) or free_port(wanted=0 if taken else wanted)
            if wanted and port != wanted:
                option = PORT_OPTIONS[part]
                problem = port_problem(wanted) or "is taken"
                self._say(
                    f"Port {wanted} {problem}: {part.upper()} is on port {port} this time. {option} chooses one (make run ARGS='{option} {port}')."
                )

    def _migrate(self) -> None:
        from vitrine import migrations  # its layer is on the path only now

        app, worker = (self._password(role) for role in ("vitrine_app", "vitrine_worker"))
        try:
            applied = migrations.apply(
                self.owner_url, CLONE / "migrations", app_password=app, worker_password=worker
            )
        except FileNotFoundError as error:
            raise StartError(f"{error}. The clone is not complete.") from error
        except RuntimeError as error:
            raise StartError(
                f"{error}. If this database holds nothing to keep, move {self.folder} away to begin anew."
            ) from error
        for name in applied:
            self._say(f"Applied {name}")

    def _command(self, part: str, environment: Mapping[str, str]) -> list[str]:
        module = [
            sys.executable,
            "-m",
            {"s3": "local.s3", "api": "local.server", "worker": "local.worker"}[part],
            "--port",
            str(self._ports[part]),
        ]
        root = self.folder / "s3"
        if part == "worker":
            return [*module, "--events", str(root / ".events")]
        if part == "api":
            return [*module, *(["--like-aws"] if self._like_aws else [])]
        template = self._template(environment["ALLOWED_ORIGINS"])
        cors = self._write("cors.json", json.dumps(template.cors))
        notify = self._write(
            "notify.json",
            json.dumps([{"event": n.event, "prefix": n.prefix} for n in template.notifications]),
        )
        words = [
            "--root",
            str(root),
            "--bucket",
            BUCKET,
            "--region",
            REGION,
            "--cors",
            str(cors),
            "--notify",
            str(notify),
        ]
        return [*module, *words, *([] if self._durable else ["--no-fsync"])]

    def _start(self, part: str) -> None:
        environment = self.environment()
        if part == "s3":
            environment |= {
                "S3_ACCESS_KEY_ID": self.config.access_key_id,
                "S3_SECRET_ACCESS_KEY": self.config.secret_access_key,
            }
        if part == "worker":
            environment = {
                "QUEUE_VISIBILITY": VISIBILITY,
                **environment,
                "QUEUES_DATABASE_URL": self.owner_url,
            }
        log = self.log(part)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with open(log, "ab", opener=private) as file:
            self._processes[part] = subprocess.Popen(
                tethered(self._command(part, environment)),
                cwd=CLONE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C in a terminal is for us alone: we end the parts in order
                umask=0o077,
            )

    def _write(self, name: str, text: str) -> Path:
        with open(self.folder / name, "w", opener=private) as file:
            file.write(text)
        return self.folder / name

    def _wait(self, part: str, *, well: bool) -> None:
        until = time.monotonic() + PATIENCE
        path = {"s3": "/", "api": "/api/me", "worker": "/"}[part]
        status = 0
        while time.monotonic() < until and self._processes[part].poll() is None:
            status = _status(self._ports[part], path)
            if status and (status < 500 or not well):
                return
            time.sleep(0.05)
        happened = f"answers {status} to GET {path}" if status else "does not start"
        log = self.log(part)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise StartError(f"The part {part} {happened}. The end of {log}:\n{tail}")

    def _end(self, part: str) -> None:
        process = self._processes.pop(part, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _end_group(process.pid)

    def _own_postgres(self) -> Postgres:
        if self.postgres is None:
            raise StartError("This stack uses a database that is not its own.")
        return self.postgres


@cache
def _read(origin: str, origins: str) -> Template:
    return read(
        CLONE / "template.yaml",
        {"Origin": origin, "AllowedOrigins": origins, "Bucket": BUCKET, "BucketName": BUCKET},
    )


def _silent(_line: str) -> None:
    """In tests."""


def _end_group(leader: int) -> None:
    """What a part had started goes with it, as a Lambda sandbox goes whole."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _status(port: int, path: str) -> int:
    """The status of GET `path`. 0 when no answer came.

    Without a database a function answers 503 after the 5 seconds in which its pool (db.py) waits for a
    connection. The
    time-out here is longer than that, so that the answer is always seen.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
