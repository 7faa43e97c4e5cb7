"""Secrets that a test run has minted, and a search for them in all its logs.

Some secrets are found by their pattern. All others are found by value: secrets in the requests of a test's
client and in their answers are noted in a file that the run's processes share. The logs are those of every
part of every stack, and those of the library inside the tests' own processes.
"""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

NOTES = "NOTED_SECRETS"  # the environment variable with the path of the file of noted secrets
MIN_LENGTH = 12  # characters: shorter texts may stand in a log by chance

PATTERNS = {
    "an API key": re.compile(r"sk_(?:live|test)_[0-9a-f]{64}"),
    "a permanent link": re.compile(r"/f/[0-9a-fA-F-]{32,36}/[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])"),
    "a signature of a URL or form": re.compile(
        r"X-Amz-(?:Signature|Credential|Security-Token)(?:=|%3D|[\"']?\s*:\s*[\"'])", re.IGNORECASE
    ),
    "a header of credentials": re.compile(r"\b(?:Bearer|Basic|AWS4-HMAC-SHA256) [A-Za-z0-9+/=._-]{12,}"),
    "a session's cookie": re.compile(r"(?:session_token|session_data)(?:=|%3D)[^\s;\"'\\]{12,}"),
    "a database's password": re.compile(r"postgres(?:ql)?://[^:/@\s]+:[^@/\s]+@"),
}
# names of secrets in bodies and queries
FIELDS = re.compile(
    r"(?:.*(?:password|secret|token|signature|credential)|(?:device|user)_?code|otp)", re.IGNORECASE
)
OPAQUE = re.compile(r"[A-Za-z0-9_-]+")
# loggers of libraries that only tests use
OF_TESTS = ("httpx", "httpcore", "urllib3", "hypothesis", "schemathesis", "asyncio", "faker")


def note(*secrets: str | None) -> None:
    """Note these secrets: no log of the run may contain them."""
    file = os.environ.get(NOTES)
    lines = "".join(f"{json.dumps(secret)}\n" for secret in secrets if secret and len(secret) >= MIN_LENGTH)
    if file and lines:
        with open(file, "a") as noted:
            noted.write(lines)  # one write: lines of several processes do not mix


def note_request(request: httpx.Request) -> None:
    """Note the secrets of a request."""
    note(request.headers.get("x-api-key"), request.headers.get("authorization", "").partition(" ")[2])
    for cookie in request.headers.get("cookie", "").split(";"):
        note_cookie(cookie)
    note(*secrets_of(dict(request.url.params)))
    if request.headers.get("content-type", "").startswith("application/json"):
        note(*secrets_of(parse_json(request.content)))


def note_answer(answer: httpx.Response) -> None:
    """Note the secrets of an answer. Its body can be read again afterwards."""
    answer.read()
    for cookie in answer.headers.get_list("set-cookie"):
        note_cookie(cookie.partition(";")[0])
    if answer.headers.get("content-type", "").startswith("application/json"):
        note(*secrets_of(parse_json(answer.content)))


def note_cookie(cookie: str) -> None:
    name, _, value = cookie.strip().partition("=")
    note(*secrets_of(value, name))


# event hooks of an httpx client
HOOKS: dict[str, list[Callable[..., Any]]] = {"request": [note_request], "response": [note_answer]}


def secrets_of(value: Any, name: str = "") -> Iterator[str]:
    """Yield texts under the names of secrets, and the tokens of permanent links."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from secrets_of(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_of(inner, name)
    elif isinstance(value, str):
        if FIELDS.fullmatch(name):
            yield value
        if link := re.search(r"/f/[^/\s]+/([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])", value):
            yield link[1]


def parse_json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def note_environment(environment: Mapping[str, str]) -> None:
    """Note the passwords of databases, and the secret that signs URLs."""
    for name, value in environment.items():
        if name.endswith("DATABASE_URL"):
            note(urlsplit(value).password)
        elif name.endswith(("SECRET_ACCESS_KEY", "SESSION_TOKEN")):
            note(value)


def leaks(logs: list[Path]) -> list[str]:
    """Return each place where a log contains a secret: log, line and kind, never the secret itself."""
    noted = {json.loads(line) for line in Path(os.environ[NOTES]).read_text().splitlines()}
    # there are thousands of these: each word of a line is looked up, instead of searching for each secret
    opaque = {secret for secret in noted if OPAQUE.fullmatch(secret)}
    others = {text for secret in noted - opaque for text in (secret, json.dumps(secret)[1:-1])}
    leaks: list[str] = []
    for log in logs:
        with log.open(errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                kinds = [kind for kind, pattern in PATTERNS.items() if pattern.search(line)]
                if not opaque.isdisjoint(OPAQUE.findall(line)) or any(secret in line for secret in others):
                    kinds.append("a secret of this run")
                leaks += [f"{log.name}, line {number}, contains {kind}" for kind in kinds]
    return leaks


def record_leaks(folder: Path) -> None:
    """Search the logs of a stack before its folder is deleted, and record their leaks until the end of the
    run.
    """
    if NOTES in os.environ:
        with recorded_leaks().open("a") as file:
            file.writelines(f"{folder.name}: {leak}\n" for leak in leaks(logs_of(folder)))


def recorded_leaks() -> Path:
    """The file with the leaks of stacks whose folder is deleted."""
    return Path(os.environ[NOTES]).with_suffix(".leaks")


def logs_of(folder: Path) -> list[Path]:
    """Return the logs of a stack: those of its parts, and of the tests' processes where they log into its
    folder.
    """
    return sorted([*folder.glob("log/*"), *folder.glob("postgres/*.log*")])


class RecordHandler(logging.Handler):
    """Writes all fields of a record, also those that other handlers leave out."""

    SKIPPED: ClassVar[frozenset[str]] = frozenset(OF_TESTS)

    def __init__(self, file: Path) -> None:
        super().__init__(logging.INFO)
        self._file = file

    def addFilter(self, filter: Any) -> None:  # noqa: N802 - logging.Filterer has this method
        """Ignore filters: every record is searched."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] in self.SKIPPED:
            return
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        with self._file.open("a") as file:
            file.write(json.dumps({"text": record.getMessage(), **vars(record)}, default=str) + "\n")
