"""The event journal: one file per created object, in S3's format, written before the answer."""

import json
import re
from pathlib import Path

from aws_lambda_powertools.utilities.parser.models import S3Model

from local.s3 import Notification, read_notifications
from tests.store.servers import BUCKET, MIB, Server, rejected, running
from tests.store.test_s3_posts import post, presigned_form


def read_events(server: Server) -> list[tuple[str, str, int, str]]:
    """Kind, key, size and ETag of each event, in order."""
    events = []
    for file in server.events():
        (record,) = json.loads(file.read_text())["Records"]
        thing = record["s3"]["object"]
        events.append((record["eventName"], thing["key"], thing["size"], thing["eTag"]))
    return events


def test_each_object_has_one_event_and_rejected_requests_have_none(fresh_server: Server) -> None:
    s3 = fresh_server.client()
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="originals/c")["UploadId"]
    etags = [
        s3.upload_part(
            Bucket=BUCKET, Key="originals/c", UploadId=upload, PartNumber=n, Body=b"x" * (5 * MIB)
        )["ETag"]
        for n in (1, 2)
    ]
    parts = {"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]}

    put = s3.put_object(Bucket=BUCKET, Key="originals/a b+é.jpg", Body=b"12")["ETag"]
    posted = post(fresh_server, presigned_form(s3, "incoming/b")).headers["etag"]
    s3.copy_object(Bucket=BUCKET, Key="originals/d", CopySource={"Bucket": BUCKET, "Key": "incoming/b"})
    done = [
        s3.complete_multipart_upload(
            Bucket=BUCKET,
            Key="originals/c",
            UploadId=upload,
            MultipartUpload=parts,  # type: ignore[arg-type]
        )["ETag"]
        for _ in "12"
    ]
    assert (
        rejected(lambda: s3.put_object(Bucket=BUCKET, Key="originals/d", Body=b"", IfNoneMatch="*"))[0] == 412
    )
    s3.delete_object(Bucket=BUCKET, Key="incoming/b", IfMatch=posted)

    assert read_events(fresh_server) == [
        ("ObjectCreated:Put", "originals/a+b%2B%C3%A9.jpg", 2, put.strip('"')),
        ("ObjectCreated:Post", "incoming/b", 5, posted.strip('"')),
        ("ObjectCreated:Copy", "originals/d", 5, posted.strip('"')),
        ("ObjectCreated:CompleteMultipartUpload", "originals/c", 10 * MIB, done[0].strip('"')),
    ]
    assert [file.name for file in fresh_server.events()] == [f"{number:012}.json" for number in (1, 2, 3, 4)]


def test_an_event_has_the_format_of_s3(fresh_server: Server) -> None:
    fresh_server.client().put_object(Bucket=BUCKET, Key="a b", Body=b"x")

    event = fresh_server.events()[0].read_text()

    (record,) = S3Model.model_validate_json(event).Records
    assert record.s3.object is not None
    assert (record.s3.object.key, record.s3.object.size, record.eventName) == ("a+b", 1, "ObjectCreated:Put")
    (raw,) = json.loads(event)["Records"]
    assert [raw[name] for name in ("eventVersion", "eventSource", "awsRegion")] == [
        "2.1",
        "aws:s3",
        "eu-central-1",
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", raw["eventTime"])
    assert raw["s3"]["bucket"]["name"] == BUCKET
    assert raw["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{BUCKET}"


def test_later_events_of_a_key_have_greater_sequencers(fresh_server: Server) -> None:
    for _ in range(12):
        fresh_server.client().put_object(Bucket=BUCKET, Key="a", Body=b"x")

    sequencers = [
        json.loads(file.read_text())["Records"][0]["s3"]["object"]["sequencer"]
        for file in fresh_server.events()
    ]

    assert sequencers == sorted(set(sequencers))
    assert len(sequencers) == 12


def test_only_events_that_match_a_rule_are_written(tmp_path: Path) -> None:
    file = tmp_path / "notify.json"
    file.write_text(
        '[{"event": "s3:ObjectCreated:Post", "prefix": "incoming/"},'
        ' {"event": "s3:ObjectCreated:*", "prefix": "originals/"}]'
    )

    with running(tmp_path / "s3", notifications=read_notifications(file)) as server:
        s3 = server.client()
        for key in ("incoming/a", "originals/a", "derived/a"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
            post(server, presigned_form(s3, f"{key}.posted"))

        assert [(kind, key) for kind, key, _, _ in read_events(server)] == [
            ("ObjectCreated:Post", "incoming/a.posted"),
            ("ObjectCreated:Put", "originals/a"),
            ("ObjectCreated:Post", "originals/a.posted"),
        ]


def test_numbers_continue_after_a_restart_even_when_the_files_were_removed(tmp_path: Path) -> None:
    for number in (1, 2):
        with running(tmp_path, notifications=(Notification("s3:ObjectCreated:*"),)) as server:
            server.client().put_object(Bucket=BUCKET, Key="a", Body=b"x")
            assert [file.name for file in server.events()] == [f"{number:012}.json"]
            server.events()[0].unlink()


def test_objects_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        s3 = server.client()
        etag = s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", ContentType="a/b", Metadata={"c": "d"})[
            "ETag"
        ]
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="b")["UploadId"]
        part = s3.upload_part(Bucket=BUCKET, Key="b", UploadId=upload, PartNumber=1, Body=b"y")["ETag"]

    with running(tmp_path) as server:
        s3 = server.client()
        got = s3.get_object(Bucket=BUCKET, Key="a", ChecksumMode="ENABLED")
        s3.complete_multipart_upload(
            Bucket=BUCKET,
            Key="b",
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]},
        )

        assert (got["Body"].read(), got["ETag"], got["ContentType"], got["Metadata"]) == (
            b"x",
            etag,
            "a/b",
            {"c": "d"},
        )
        assert s3.get_object(Bucket=BUCKET, Key="b")["Body"].read() == b"y"
        assert len(server.names()) == 2
