"""kill -9 at seeded moments, then a restart: every acknowledged object exists with its event, every object is
complete, and nothing else is left.
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
from tests.store.test_s3_posts import post, presigned_form

BODIES = {
    "put": b"put" * 100_000,
    "post": b"post" * 100_000,
    "part 1": b"1" * (5 * MIB),
    "part 2": b"2" * 300_000,
}
STEPS = ("put", "post", "part 1", "part 2", "complete")


@dataclass
class Progress:
    """The acknowledged requests of the client before the crash, and the steps that it reached."""

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


def work(server: Server, progress: Progress) -> None:
    """Put, post and complete one object each, until the server is killed."""
    s3 = server.client()
    with contextlib.suppress(ClientError, BotoCoreError, OSError):
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="multipart")["UploadId"]

        progress.reached["put"].set()
        s3.put_object(Bucket=BUCKET, Key="put", Body=BODIES["put"])
        progress.answered["put"] = BODIES["put"]

        progress.reached["post"].set()
        if post(server, presigned_form(s3, "post", 1, MIB), BODIES["post"]).status == 201:
            progress.answered["post"] = BODIES["post"]

        for number in (1, 2):
            progress.reached[f"part {number}"].set()
            part = s3.upload_part(
                Bucket=BUCKET,
                Key="multipart",
                UploadId=upload,
                PartNumber=number,
                Body=BODIES[f"part {number}"],
            )
            progress.parts[number] = part.get("ETag")

        listed: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": etag} for number, etag in progress.parts.items()
        ]
        progress.reached["complete"].set()
        s3.complete_multipart_upload(
            Bucket=BUCKET, Key="multipart", UploadId=upload, MultipartUpload={"Parts": listed}
        )
        progress.answered["multipart"] = BODIES["part 1"] + BODIES["part 2"]


@pytest.mark.parametrize(
    ("step", "seed"),
    [
        pytest.param(step, seed, marks=[pytest.mark.soak] if seed % 4 else [])
        for seed, step in enumerate(STEPS)
    ],
)
def test_a_killed_server_restarts_consistent(tmp_path: Path, step: str, seed: int) -> None:
    # seconds into the step; a step lasts about as long
    moment = random.Random(seed).uniform(0.0, 0.02)
    progress = Progress()
    with started(tmp_path) as (server, process):
        client = threading.Thread(target=work, args=(server, progress))
        client.start()
        assert progress.reached[step].wait(30)
        client.join(moment)
        process.kill()
        client.join()

    with started(tmp_path) as (server, _):
        s3 = server.client()
        stored_keys = {
            entry.get("Key", "") for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        }
        bytes_of = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in stored_keys}
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
    assert bytes_of == {key: whole[key] for key in stored_keys}
    assert set(progress.answered) <= set(stored_keys)
    assert set(events) == set(stored_keys)
    if "multipart" not in stored_keys:
        assert set(progress.parts.items()) <= {(part.get("PartNumber"), part.get("ETag")) for part in parts}
    # the multipart object has two blobs
    assert len(server.names()) == len(parts) + len(stored_keys) + ("multipart" in stored_keys)


def test_an_event_missing_in_the_journal_is_written_at_the_next_start(tmp_path: Path) -> None:
    """The journal's folder is unavailable, so that the event stays unwritten as after a crash behind the
    commit.
    """
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


def test_unreferenced_blobs_are_removed_at_the_start(tmp_path: Path) -> None:
    with started(tmp_path) as (server, _):
        server.client().put_object(Bucket=BUCKET, Key="a", Body=b"x")
    (named,) = server.names()
    (tmp_path / BUCKET / "blobs" / "ab" / "abandoned").write_bytes(b"half")
    (tmp_path / ".events" / ".000000000009.part").write_text("half")

    with started(tmp_path):
        assert server.names() == [named]
        assert [file.name for file in server.events()] == ["000000000001.json"]
