"""S3 servers for tests, clients that sign with botocore, and requests sent exactly as given."""

import http.client
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from local.s3 import Credentials, Settings, serving

BUCKET = "vitrine-test"
REGION = "eu-central-1"
CREDENTIALS = Credentials("AKIDLOCALTEST", "local-test-secret")
PAGE = "https://photos.example.org"
MIB = 1 << 20


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def code(self) -> str:
        """The refusal's code, "" for an answer that is none."""
        return self.element("Code")

    def element(self, name: str) -> str:
        found = re.search(f"<{name}>(.*?)</{name}>", self.body.decode(), re.DOTALL)
        return found[1] if found else ""


@dataclass(frozen=True)
class Server:
    url: str
    bucket: str = BUCKET
    root: Path = Path()
    credentials: Credentials = field(default=CREDENTIALS)

    def client(self, credentials: Credentials | None = None, region: str = REGION) -> S3Client:
        who = credentials or self.credentials
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=who.session_token,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                retries={"total_max_attempts": 1},
            ),
        )

    def names(self) -> list[str]:
        """The files that hold bytes."""
        return sorted(file.name for file in (self.root / self.bucket / "blobs").glob("*/*"))

    def events(self) -> list[Path]:
        return sorted((self.root / ".events").glob("*"))


def send(
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> Answer:
    """One request, exactly as given, on a connection of its own; `length` announces another length than
    the body has.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        told = dict(headers or {})
        if method in {"PUT", "POST"} or body:
            told["Content-Length"] = str(len(body) if length is None else length)
        connection.request(
            method, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body or None, told
        )
        if length is not None and length > len(body) and connection.sock is not None:
            connection.sock.close()  # cut off
            return Answer(0, {}, b"")
        answer = connection.getresponse()
        return Answer(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )
    finally:
        connection.close()


def rejected(call: Callable[[], object]) -> tuple[int, str]:
    """The status and code that S3 refuses the call with."""
    with pytest.raises(ClientError) as rejection:
        call()
    response = rejection.value.response
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0), response.get("Error", {}).get(
        "Code", ""
    )


@contextmanager
def running(root: Path, **settings: object) -> Generator[Server]:
    """A server of its own, for a test that counts what is in it or needs other settings."""
    told = Settings(
        **{  # type: ignore[arg-type]
            "root": root,
            "bucket": BUCKET,
            "credentials": CREDENTIALS,
            "region": REGION,
            "durable": False,
            **settings,
        }
    )
    with serving(told) as url:
        yield Server(url, root=root, credentials=told.credentials)
