"""One S3 server for each test process, and moto beside it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from moto.server import ThreadedMotoServer
from mypy_boto3_s3 import S3Client

from local.s3 import CorsRule
from tests.store.servers import BUCKET, PAGE, Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    rules = (
        CorsRule(
            (PAGE, "http://localhost:*"),
            ("GET", "PUT", "POST"),
            ("content-type", "x-amz-*"),
            ("ETag", "Location"),
            3600,
        ),
        CorsRule(("*",), ("HEAD",)),
    )
    with running(tmp_path_factory.mktemp("s3"), cors=rules) as server:
        yield server


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test."""
    with running(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    peer = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    peer.start()
    host, port = peer.get_host_and_port()
    server = Server(f"http://{host}:{port}")
    server.client().create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    yield server
    peer.stop()


@pytest.fixture(scope="session")
def s3(server: Server) -> S3Client:
    return server.client()


@pytest.fixture(scope="session")
def moto_s3(moto: Server) -> S3Client:
    return moto.client()


@pytest.fixture
def key() -> str:
    """A key that no other test uses."""
    return f"{uuid4().hex}/picture 1+é.jpg"
