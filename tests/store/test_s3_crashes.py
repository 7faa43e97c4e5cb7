"""kill -9 at moments chosen by a seed, then a restart: what was answered is there with its event, what is
there is whole, nothing else is left.
"""

import contextlib
import json
import random
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_s3.type_defs import CompletedPartTypeDef

from tests.store.servers import BUCKET, CREDENTIALS, MIB, Server
from tests.store.test_s3_posts import ours, post

BODIES = {
    "put": b"put" * 100_000,
    "post": b"post" * 100_000,
    "part 1": b"1" * (5 * MIB),
    "part 2": b"2" * 300_000,
}
STEPS = ("put", "post", "part 1", "part 2", "complete")


@dataclass
class Seen:
    """What the client was told before the fall, and where it was."""

    answered: dict[str, bytes] = field(default_factory=dict)
    parts: dict[int, str] = field(default_factory=dict)
    reached: dict[str, threading.Event] = field(
        default_factory=lambda: {step: threading.Event() for step in STEPS}
    )


@contextmanager
def started(root: Path) -> Generator[tuple[Server, "subprocess.Popen[str]"]]:
    with subprocess.Popen(
        [sys.executable, "-m", "local.s3", "--root", str(root), "--bucket", BUCKET],
        env={"S3_ACCESS_KEY_ID": CREDENTIALS.access_key, "S3_SECRET_ACCESS_KEY": CREDENTIALS.secret_key},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().split()[-1], root=root), process
        finally:
            process.kill()


def work(server: Server, seen: Seen) -> None:
    """Puts, posts and completes one object each, until the server is gone."""
    s3 = server.client()
    with contextlib.suppress(ClientError, BotoCoreError, OSError):
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="multipart")["UploadId"]

        seen.reached["put"].set()
        s3.put_object(Bucket=BUCKET, Key="put", Body=BODIES["put"])
        seen.answered["put"] = BODIES["put"]

        seen.reached["post"].set()
        if post(server, ours(s3, "post", 1, MIB), BODIES["post"]).status == 201:
            seen.answered["post"] = BODIES["post"]

        for number in (1, 2):
            seen.reached[f"part {number}"].set()
            part = s3.upload_part(
                Bucket=BUCKET,
                Key="multipart",
                UploadId=upload,
                PartNumber=number,
                Body=BODIES[f"part {number}"],
            )
            seen.parts[number] = part.get("ETag")

        listed: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": etag} for number, etag in seen.parts.items()
        ]
        seen.reached["complete"].set()
        s3.complete_multipart_upload(
            Bucket=BUCKET, Key="multipart", UploadId=upload, MultipartUpload={"Parts": listed}
        )
        seen.answered["multipart"] = BODIES["part 1"] + BODIES["part 2"]


@pytest.mark.parametrize(
    ("step", "seed"),
    [
        pytest.param(step, seed, marks=[pytest.mark.soak] if seed % 4 else [])
        for seed, step in enumerate(STEPS)
    ],
)
def test_a_killed_server_comes_back_whole(tmp_path: Path, step: str, seed: int) -> None:
    # seconds into the step, each of which takes about as long
    moment = random.Random(seed).uniform(0.0, 0.02)
    seen = Seen()
    with started(tmp_path) as (server, process):
        client = threading.Thread(target=work, args=(server, seen))
        client.start()
        assert seen.reached[step].wait(30)
        client.join(moment)
        process.kill()
        client.join()

    with started(tmp_path) as (server, _):
        s3 = server.client()
        there = {entry.get("Key", "") for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
        bytes_of = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in there}
        events = [
            unquote_plus(json.loads(file.read_text())["Records"][0]["s3"]["object"]["key"])
            for file in server.events()
        ]
        uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        parts = [
            part
            for upload in uploads
            for part in s3.list_parts(
                Bucket=BUCKET, Key=upload.get("Key", ""), UploadId=upload.get("UploadId", "")
            ).get("Parts", [])
        ]

    whole = {"put": BODIES["put"], "post": BODIES["post"], "multipart": BODIES["part 1"] + BODIES["part 2"]}
    assert bytes_of == {key: whole[key] for key in there}
    assert set(seen.answered) <= set(there)
    assert set(events) == set(there)
    if "multipart" not in there:
        assert set(seen.parts.items()) <= {(part.get("PartNumber"), part.get("ETag")) for part in parts}
    assert len(server.names()) == len(parts) + len(there) + ("multipart" in there)  # which is two


def test_an_event_whose_file_was_not_written_comes_at_the_next_start(tmp_path: Path) -> None:
    """The journal's folder is taken away, as a crash between the commit and the file would have it."""
    with started(tmp_path) as (server, process):
        s3 = server.client()
        (tmp_path / ".events").rename(tmp_path / "elsewhere")
        (tmp_path / ".events").write_text("in the way")
        with pytest.raises(ClientError, match="InternalError"):
            s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
        assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"x"
        process.kill()
    (tmp_path / ".events").unlink()

    with started(tmp_path) as (server, _):
        keys = [json.loads(file.read_text())["Records"][0]["s3"]["object"]["key"] for file in server.events()]

    assert keys == ["a"]


def test_bytes_that_nothing_names_are_removed_at_the_start(tmp_path: Path) -> None:
    with started(tmp_path) as (server, _):
        server.client().put_object(Bucket=BUCKET, Key="a", Body=b"x")
    (named,) = server.names()
    (tmp_path / BUCKET / "blobs" / "ab" / "abandoned").write_bytes(b"half")
    (tmp_path / ".events" / ".000000000009.part").write_text("half")

    with started(tmp_path):
        assert server.names() == [named]
        assert [file.name for file in server.events()] == ["000000000001.json"]
