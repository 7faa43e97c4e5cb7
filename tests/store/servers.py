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
        """The error's code; "" when the answer is no error."""
        return self.element("Code")

    def element(self, name: str) -> str:
        element = re.search(f"<{name}>(.*?)</{name}>", self.body.decode(), re.DOTALL)
        return element[1] if element else ""


@dataclass(frozen=True)
class Server:
    url: str
    bucket: str = BUCKET
    root: Path = Path()
    credentials: Credentials = field(default=CREDENTIALS)

    def client(self, credentials: Credentials | None = None, region: str = REGION) -> S3Client:
        used = credentials or self.credentials
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=used.access_key,
            aws_secret_access_key=used.secret_key,
            aws_session_token=used.session_token,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                retries={"total_max_attempts": 1},
            ),
        )

    def names(self) -> list[str]:
        """The names of the blobs."""
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
    """Send one request exactly as given, on a new connection. `length` replaces the body's Content-Length."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        sent = dict(headers or {})
        if method in {"PUT", "POST"} or body:
            sent["Content-Length"] = str(len(body) if length is None else length)
        connection.request(
            method, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", body or None, sent
        )
        if length is not None and length > len(body) and connection.sock is not None:
            connection.sock.close()  # the body stays incomplete
            return Answer(0, {}, b"")
        answer = connection.getresponse()
        return Answer(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )
    finally:
        connection.close()


def rejected(call: Callable[[], object]) -> tuple[int, str]:
    """The status and code of the error that the call raises."""
    with pytest.raises(ClientError) as rejection:
        call()
    response = rejection.value.response
    return response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0), response.get("Error", {}).get(
        "Code", ""
    )


@contextmanager
def running(root: Path, **settings: object) -> Generator[Server]:
    """Run a server of its fresh_server, for a test that counts its files or needs other settings."""
    options = Settings(
        **{  # type: ignore[arg-type]
            "root": root,
            "bucket": BUCKET,
            "credentials": CREDENTIALS,
            "region": REGION,
            "durable": False,
            **settings,
        }
    )
    with serving(options) as url:
        yield Server(url, root=root, credentials=options.credentials)
