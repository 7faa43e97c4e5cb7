"""The four processes of the laptop's AWS as one object: Postgres, S3, API and worker.

    with Stack(folder) as stack:            # free ports, its own database, all data in the folder
        httpx.get(f"{stack.origin}/api/me")
        stack.kill("worker")                # SIGKILL, as a crash would
        stack.restart("worker")

`make run` is this class with fixed ports, in a loop that restarts parts that die. A test that kills a part
therefore tests what users run.
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
GRACE_PERIOD = 12.0  # seconds between SIGTERM and SIGKILL
# seconds, instead of the template's hour, so that a retry follows soon. One thread consumes a queue, so a
# message is never processed two times at once.
VISIBILITY = "30"


class Stack:
    """The parts and their addresses. Start it from a thread that lasts as long as the process: the parts end
    with that thread (see tether).
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
        report: Callable[[str], None] | None = None,
        like_aws: bool = False,
    ) -> None:
        """`ports` of API and S3 are used if they are free; without them any free ports are.

        `required_ports`, by part, are for this run only. They replace `ports` and the ports of config.json,
        and starting fails when one is taken. `owner_url` is a database to use in place of the embedded one;
        then there is no part `postgres`. `environment` overrides the functions' environment
        (`{"PART_URL_TTL": "2"}`) and that of the parts: QUEUE_VISIBILITY and SCHEDULE_SECONDS, in seconds,
        replace the values of all queues and schedules. `report` receives a line for each step of the start.
        `like_aws` applies the limits of API Gateway and Lambda.
        """
        self.folder = folder
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self._report = report or _ignore
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
        """The URL of the database for the role vitrine_app."""
        return as_role(self.owner_url, "vitrine_app", self._password("vitrine_app"))

    @property
    def worker_database_url(self) -> str:
        """The URL of the database for the role vitrine_worker."""
        return as_role(self.owner_url, "vitrine_worker", self._password("vitrine_worker"))

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS if self.postgres else PARTS[1:]

    def pid(self, part: str) -> int:
        """The process id of a part other than Postgres."""
        return self._processes[part].pid

    def log(self, part: str) -> Path:
        return (
            self.postgres.log if part == "postgres" and self.postgres else self.folder / "log" / f"{part}.log"
        )

    def start(self) -> None:
        """Start all parts, apply the migrations, and wait until every part answers.

        Raises StartError when a part does not answer; all parts are then stopped.
        """
        make_private(self.folder)
        try:
            self._choose_ports()
            if self.postgres:
                self._report("Postgres ...")
                self.owner_url = self.postgres.start()
            self._write("ports.json", json.dumps(self._ports))
            self._migrate()
            for part in PARTS[1:]:
                self._report(f"{part.upper() if part != 'worker' else part} on port {self._ports[part]} ...")
                self._start(part)
            for part in PARTS[1:]:
                # the API's answer must not be a 5xx: it needs the database; S3 answers 501 to an unknown
                # request
                self._wait(part, healthy=part == "api")
        except BaseException:
            self.stop()
            raise

    def attach(self) -> None:
        """Read the addresses of this folder's stack, which another process has started.

        Raises StartError when that one has no addresses yet.
        """
        try:
            self._ports = json.loads((self.folder / "ports.json").read_text())
        except FileNotFoundError:
            raise StartError("Vitrine is still starting; try again in a moment.") from None
        if self.postgres:
            self.owner_url = self.postgres.url

    def stop(self) -> None:
        """Stop all parts. Work in progress has been finished, or is repeated after the next start."""
        for part in ("api", "worker", "s3"):
            self._end(part)
        if self.postgres:
            self.postgres.stop()

    def kill(self, part: str) -> None:
        """Send SIGKILL to the part, as a crash or the kernel's OOM killer would."""
        if part == "postgres":
            self._embedded_postgres().kill()
            return
        process = self._processes.pop(part)
        process.kill()
        process.wait()
        _end_group(process.pid)

    def restart(self, part: str) -> None:
        """Start the part again and wait until it answers, even with a 5xx: other parts may not run."""
        if part == "postgres":
            before, self.owner_url = self.owner_url, self._embedded_postgres().start()
            # the URL changes when Postgres' port was taken meanwhile
            for other in ("api", "worker") if self.owner_url != before else ():
                self.restart(other)
            return
        self._end(part)
        self._start(part)
        self._wait(part, healthy=False)

    def died(self) -> list[str]:
        """The parts that ended by themselves."""
        ended = [part for part, process in self._processes.items() if process.poll() is not None]
        server = self.postgres.process if self.postgres else None
        return [*(["postgres"] if server is not None and server.poll() is not None else []), *ended]

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """The environment of the functions: the template's values, with the laptop's values of what only a
        deployment knows.

        The caller's environment is passed on, except for variables that would lead to another database or to
        AWS.
        """
        from vitrine.settings import Settings  # its layer is on the path only now

        passed_on = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PG")) and not name.endswith("DATABASE_URL")
        }
        origins = ",".join(
            filter(None, [passed_on.get("ALLOWED_ORIGINS"), f"http://localhost:{self._ports['api']}"])
        )
        return {
            **{name: value for name, value in self._template(origins).environment.items() if value},
            **passed_on,
            "PYTHONPATH": os.pathsep.join(map(str, (CLONE, *LAYERS))),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": ",".join(
                filter(None, [passed_on.get("NO_PROXY", passed_on.get("no_proxy")), "127.0.0.1,localhost"])
            ),
            "DATABASE_URL": self.database_url,
            "WORKER_DATABASE_URL": self.worker_database_url,
            "DB_POOL_SIZE": "8",  # requests share one process here
            "MIGRATIONS": str(CLONE / "migrations"),
            "BUCKET": BUCKET,
            "UPLOAD_STORED_QUEUE_URL": self._queue_url("UploadStoredQueue"),
            "VIDEO_STORED_QUEUE_URL": self._queue_url("VideoStoredQueue"),
            "IMPORT_REQUESTED_QUEUE_URL": self._queue_url("ImportRequestedQueue"),
            "ORIGIN": self.origin,
            **(
                {"FORM_MAX_BYTES": passed_on.get("MAX_BODY_BYTES", str(Settings().max_body_bytes))}
                if self._like_aws
                else {}
            ),
            "SIGN_UP": passed_on.get("SIGN_UP", "open"),  # only the laptop's owner can reach it
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
        """The role's password, derived from the owner's. Roles belong to a whole server, so two stacks with
        databases on one server must agree on it.
        """
        secret = urlsplit(self.owner_url).password or self.config.secret_access_key
        return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()

    def _template(self, origins: str) -> Template:
        return _read(self.origin, origins)

    def _queue_url(self, queue: str) -> str:
        return f"{self.sqs_url}/{ACCOUNT}/{queue}"

    def _choose_ports(self) -> None:
        kept = {"api": self.config.api_port, "s3": self.config.s3_port, "worker": 0}
        # parts with required ports first, so that no other part gets one of these
        for part in sorted(kept, key=lambda part: part not in self._required):
            required = self._required.get(part, 0)
            if required and not self._ports.get(part) and (problem := port_problem(required)):
                raise StartError(f"Port {required} {problem}. Choose another one with {PORT_OPTIONS[part]}.")
            wanted = required or kept[part]
            is_used = wanted in [port for other, port in self._ports.items() if other != part]
            port = self._ports[part] = self._ports.get(part) or free_port(wanted=0 if is_used else wanted)
            if wanted and port != wanted:
                option = PORT_OPTIONS[part]
                problem = port_problem(wanted) or "is taken"
                self._report(
                    f"Port {wanted} {problem}: {part.upper()} is on port {port} this time. "
                    f"{option} chooses one (make run ARGS='{option} {port}')."
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
            self._report(f"Applied {name}")

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
                start_new_session=True,  # Ctrl-C reaches this process alone, which ends the parts in order
                umask=0o077,
            )

    def _write(self, name: str, text: str) -> Path:
        with open(self.folder / name, "w", opener=private) as file:
            file.write(text)
        return self.folder / name

    def _wait(self, part: str, *, healthy: bool) -> None:
        """Wait until the part answers; `healthy`: with a status below 500."""
        until = time.monotonic() + PATIENCE
        path = {"s3": "/", "api": "/api/me", "worker": "/"}[part]
        status = 0
        while time.monotonic() < until and self._processes[part].poll() is None:
            status = _status(self._ports[part], path)
            if status and (status < 500 or not healthy):
                return
            time.sleep(0.05)
        problem = f"answers {status} to GET {path}" if status else "does not start"
        log = self.log(part)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise StartError(f"The part {part} {problem}. The end of {log}:\n{tail}")

    def _end(self, part: str) -> None:
        process = self._processes.pop(part, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(GRACE_PERIOD)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _end_group(process.pid)

    def _embedded_postgres(self) -> Postgres:
        if self.postgres is None:
            raise StartError("This stack uses a database that is not its own.")
        return self.postgres


@cache
def _read(origin: str, origins: str) -> Template:
    return read(
        CLONE / "template.yaml",
        {"Origin": origin, "AllowedOrigins": origins, "Bucket": BUCKET, "BucketName": BUCKET},
    )


def _ignore(_line: str) -> None:
    """The default of `report`."""


def _end_group(leader: int) -> None:
    """Kill the processes that a part had started, as the end of a Lambda sandbox does."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _status(port: int, path: str) -> int:
    """The status of GET `path`; 0 when no answer came.

    Without a database a function answers 503 after its pool (db.py) has waited 5 seconds for a connection.
    The timeout here is longer, so that this answer is seen.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
