"""An internal error of the workers: the item has failed with a reason, the error is logged with its traceback
and counted, and the queue is not blocked.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from functions.on_import_requested import handler as imports_handler
from functions.on_upload_stored import handler as stored_handler
from functions.on_video_stored import handler as videos_handler
from tests.given import pictures, videos
from tests.given.isolation_cases import owner
from tests.uploads.test_fetch import names
from tools.routes import ROOT, template
from vitrine import content, queries
from vitrine.db import read
from vitrine.errors import Conflict, InternalError, Invalid, NotFound, ServiceUnavailable
from vitrine.internal_errors import METRIC, REASON
from vitrine.library import finalizing, imports, outbox, processing, sweep
from vitrine.queries import uploads
from vitrine.settings import Settings
from vitrine_imaging import intake
from vitrine_imaging.decoder import Decoder, DecoderUnavailable
from vitrine_video import intake as video_intake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.given.tenants import Tenant
    from vitrine.models.uploads import Upload

CUT = pictures.truncated(pictures.jpeg(64, 40)), "photo.jpg"
CUT_FILM = videos.video(seconds=1)[:800], "film.mp4"
LAST = Settings().queue_receives


def injected(*arguments: str) -> dict[str, str]:
    layers = [str(ROOT / folder) for folder in ("", "layers/core", "layers/imaging", "layers/video")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(layers)}
    answer = subprocess.run(
        [sys.executable, "-m", "tests.given.injected", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes: dict[str, str] = json.loads(answer.stdout)
    return outcomes


def test_an_internal_error_in_any_function_around_a_decoder_is_not_blamed_on_the_file() -> None:
    outcomes = injected()

    assert {place: result for place, result in outcomes.items() if result != "TypeError"} == {}
    assert {
        "film.py",
        "upright.py",
        "derive.py",
        "by_vips.py",
        "by_pillow.py",
        "exif.py",
        "remote.py",
        "tones.py",
    } <= {place.partition(":")[0] for place in outcomes}


@pytest.mark.soak
def test_an_internal_error_in_any_line_around_a_decoder_is_not_blamed_on_the_file() -> None:
    assert {place: result for place, result in injected("--lines").items() if result != "TypeError"} == {}


@pytest.fixture
def broken() -> Iterator[Decoder]:
    with Decoder(module="tests.given.broken_child") as decoder:
        yield decoder


def test_an_internal_error_reported_by_a_child_is_bounded_and_printable(
    broken: Decoder, tmp_path: Path
) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(pictures.jpeg(64, 40))

    with pytest.raises(InternalError) as first:
        broken.derive(photo)
    with pytest.raises(InternalError) as again:
        broken.derive(photo)

    assert (first.value.kind, again.value.kind) == ("TypeError", "TypeError")
    lines = first.value.trace.splitlines()
    assert (lines[0], lines[-1]) == (
        "Traceback (most recent call last):",
        "TypeError: open() got an unexpected keyword argument [31m",
    )
    assert any("broken_child.py" in line for line in lines)


def test_a_malformed_answer_of_a_child_adds_little_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, answer, liar = tmp_path / "photo", tmp_path / "answer", tmp_path / "liar"
    photo.write_bytes(pictures.jpeg(64, 40))
    message = json.dumps({"internal_error": "K" * 5000, "trace": ["\x1b", "x" * 100_000]}).encode()
    answer.write_bytes(b"\0\0\0\5ready" + len(message).to_bytes(4, "big") + message)
    liar.write_text(f"#!/bin/sh\nexec cat '{answer}' -\n")
    liar.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(liar))

    with Decoder() as decoder, pytest.raises(InternalError) as caught:
        decoder.derive(photo)

    assert (caught.value.kind, len(caught.value.trace), caught.value.trace.isprintable()) == (
        "K" * 300,
        16 * 1024,
        True,
    )


# Through the functions' handlers.


class Log(logging.Handler):
    """Collects what is logged under the service's name."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def reports(self) -> list[dict[str, Any]]:
        names = ("operation", "kind", "message_id", "upload_id", "media_id")
        return [
            {name: getattr(each, name, None) for name in names}
            for each in self.records
            if each.msg == "internal error"
        ]


@pytest.fixture
def log() -> Iterator[Log]:
    listener, logger = (
        Log(),
        logging.getLogger(os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined")),
    )
    logger.addHandler(listener)
    yield listener
    logger.removeHandler(listener)


def deliver(handler: Any, body: str, received: int) -> list[str]:
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(received)},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
        "awsRegion": "us-east-1",
    }
    answer = handler.handler(
        {"Records": [record]}, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    )
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def stored(key: str, received: int) -> list[str]:
    return deliver(stored_handler, json.dumps(outbox.stored_event(key)), received)


def video_stored(key: str, received: int) -> list[str]:
    return deliver(videos_handler, json.dumps({"key": key}), received)


def waiting(tenant: Tenant, *files: tuple[bytes, str]) -> list[Upload]:
    """Return uploads of these files that are pending, without a message in a queue."""
    items = [tenant.post_file(data, name, "") for data, name in files]
    assert [tenant.finished(media)["state"] for media in items] == ["failed"] * len(files)
    with owner() as connection:
        for media in map(UUID, items):
            connection.execute(
                "update versions set processing = 'pending', processing_reason = null where id = %s", [media]
            )
            connection.execute(
                "update media set processing = 'pending', processing_reason = null where id = %s", [media]
            )
            connection.execute(
                "update uploads set state = 'stored', reason = null where version_id = %s", [media]
            )
    return [upload_of(tenant, media) for media in items]


def upload_of(tenant: Tenant, media: str) -> Upload:
    return read(tenant.owner, uploads.by_version(tenant.id, UUID(media)))[0]


def state(tenant: Tenant, upload: Upload) -> tuple[str, str | None]:
    answer = tenant.studio.get(f"/api/upload/{upload.media_id.hex}").json()
    return answer["state"], answer["reason"]


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("kind", ["picture", "video"])
def test_an_internal_error_in_the_decoders_process_fails_the_item_at_once(
    tenant: Tenant,
    broken: Decoder,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    [upload] = waiting(tenant, CUT if kind == "picture" else CUT_FILM)
    monkeypatch.setattr(intake, "_decoder", lambda: broken)
    monkeypatch.setattr(video_intake, "_decoder", lambda: broken)
    capsys.readouterr()

    answers = [(stored if kind == "picture" else video_stored)(upload.key, 1) for _ in range(2)]

    operation = {"picture": "on_upload_stored", "video": "on_video_stored"}[kind]
    assert (answers, state(tenant, upload)) == ([[], []], ("failed", REASON))
    assert log.reports() == [
        {
            "operation": operation,
            "kind": "TypeError",
            "message_id": "m",
            "upload_id": str(upload.id),
            "media_id": str(upload.media_id),
        }
    ]
    assert (
        "broken_child.py"
        in vars(next(each for each in log.records if each.msg == "internal error"))["child_trace"]
    )
    counted = [
        json.loads(line)
        for line in capsys.readouterr().out.splitlines()
        if METRIC in line and line.startswith("{")
    ]
    assert [
        (each[METRIC], each["operation"], each["_aws"]["CloudWatchMetrics"][0]["Dimensions"])
        for each in counted
    ] == [([1.0], operation, [["operation", "service"]])]
    item = tenant.studio.get(f"/api/media/{upload.media_id.hex}").json()["media"]
    assert (item["processing"], item["sha256"] is not None) == ({"state": "failed", "reason": REASON}, True)
    assert tenant.inconsistencies(finished=True) == []


OURS: dict[str, tuple[object, str]] = {
    "finalizing": (finalizing, "finalize"),
    "sniffing": (content, "sniff"),
    "hashing": (intake, "read_and_decode"),
    "comparing": (processing, "checksum_mismatch"),
    "recording": (processing, "_record"),
    "the row": (queries.processing, "record"),
}


def test_an_internal_error_in_the_function_fails_the_item_at_the_last_attempt(
    tenant: Tenant, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = dict[str, tuple[list[list[str]], list[str], tuple[str, str | None]]]()
    [first, *others] = waiting(tenant, *[CUT] * len(OURS))
    for where, upload in zip(OURS, [first, *others], strict=True):
        with monkeypatch.context() as patch:
            patch.setattr(*OURS[where], raising(TypeError("injected")))
            answers, states = list[list[str]](), list[str]()
            for received in (1, LAST - 1, LAST):
                answers.append(stored(upload.key, received))
                states.append(state(tenant, upload)[0].replace("stored", "processing"))
        result[where] = answers, states, state(tenant, upload)

    assert result == {
        where: ([["m"], ["m"], []], ["processing", "processing", "failed"], ("failed", REASON))
        for where in OURS
    }
    assert [reports["kind"] for reports in log.reports()] == ["TypeError"] * 3 * len(OURS)
    assert tenant.inconsistencies(finished=True) == []
    assert tenant.studio.post(f"/api/media/{first.media_id.hex}/reprocess").status_code < 300
    assert tenant.finished(first.media_id.hex)["reason"] == "The file is cut short"


def test_deterministic_errors_end_and_temporary_ones_are_attempted_again(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the error, how often the message was received, and whether it is received again
    cases: list[tuple[Exception, int, bool]] = [
        (psycopg.errors.NumericValueOutOfRange("integer out of range"), 1, False),
        (ValueError("ours"), 1, False),
        (Invalid("a check"), 1, False),
        (OverflowError("ours"), 1, False),
        (KeyError("ours"), 1, True),
        (KeyError("ours"), LAST, False),
        (NotFound("a row"), LAST, False),
        (Conflict("again and again"), LAST, False),
        (FileNotFoundError(2, "ours"), LAST, False),
        (psycopg.ProgrammingError("ours"), LAST, False),
        (ServiceUnavailable("the store"), LAST, True),
        (DecoderUnavailable("no memory"), LAST, True),
        (OSError(28, "disk full"), LAST, True),
        (MemoryError(), LAST, True),
        (TimeoutError(), LAST, True),
        (psycopg.OperationalError("no database"), LAST, True),
    ]
    uploads_waiting = waiting(tenant, *[CUT] * len(cases))

    answers = list[list[str]]()
    for (error, received, _), upload in zip(cases, uploads_waiting, strict=True):
        monkeypatch.setattr(processing, "fail", raising(error))
        answers.append(stored(upload.key, received))

    result = [
        (error, answer, state(tenant, upload))
        for (error, *_), answer, upload in zip(cases, answers, uploads_waiting, strict=True)
    ]
    assert result == [
        (error, *((["m"], ("processing", None)) if received_again else ([], ("failed", REASON))))
        for error, _, received_again in cases
    ]


def test_an_internal_error_while_reprocessing_leaves_the_old_frames(
    tenant: Tenant, broken: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = upload_of(tenant, tenant.ready(pictures.jpeg(64, 40, seed=71)))
    with owner() as connection:
        connection.execute(
            "update versions set reprocess_requested_at = now() where id = %s", [upload.version_id]
        )
    monkeypatch.setattr(intake, "_decoder", lambda: broken)

    answer = stored(upload.key, 1)

    item = tenant.studio.get(f"/api/media/{upload.media_id.hex}").json()["media"]
    assert (answer, item["processing"], len(item["frames"])) == (
        [],
        {"state": "ready", "reason": None, "reprocessFailure": REASON},
        1,
    )
    assert tenant.inconsistencies(finished=True) == []


def test_an_internal_error_fails_an_import(
    tenant: Tenant, another_environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_environment.setenv("IMPORT_REQUESTED_QUEUE_URL", "")
    link = imports.NewLink("https://pictures.test/photo.jpg", "photo.jpg", 1000, "image/jpeg")
    upload = upload_of(
        tenant, imports.register(tenant.owner, link, to_be_fetched=True, resolve=names({})).id.hex
    )
    monkeypatch.setattr(imports, "_fetch", raising(TypeError("injected")))

    answers = [deliver(imports_handler, json.dumps({"key": upload.key}), received) for received in (1, LAST)]

    assert (answers, state(tenant, upload)) == ([["m"], []], ("failed", REASON))
    assert tenant.inconsistencies(finished=True) == []


def test_an_internal_error_while_finalizing_fails_the_upload_without_an_item(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = tenant.studio.get(
        "/api/upload/s3/params", params={"filename": "photo.jpg", "type": "image/jpeg"}
    ).json()
    upload = upload_of(tenant, signed["mediaId"])
    monkeypatch.setattr(finalizing, "finalize", raising(TypeError("injected")))

    assert stored(upload.key, LAST) == []

    assert state(tenant, upload) == ("failed", REASON)
    assert tenant.studio.get(f"/api/media/{upload.media_id.hex}").status_code == 404
    assert tenant.inconsistencies(finished=True) == []


def test_an_internal_error_while_finalizing_does_not_keep_the_sweep_from_other_uploads(
    tenant: Tenant, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        tenant.studio.get(
            "/api/upload/s3/params", params={"filename": "photo.jpg", "type": "image/jpeg"}
        ).json()
        for _ in range(2)
    ]
    first, second = (upload_of(tenant, each["mediaId"]) for each in asked)
    finalize = finalizing.finalize
    monkeypatch.setattr(
        finalizing,
        "finalize",
        lambda who, upload: (
            raising(TypeError("injected"))() if upload.id == first.id else finalize(who, upload)
        ),
    )

    later = datetime.now(UTC) + timedelta(days=1, minutes=1)
    batches = [
        sweep.end_lapsed(later, UUID(int=upload.id.int - 1).hex, 1, dry_run=False)
        for upload in (first, second)
    ]

    assert [(each.deed, each.item) for batch in batches for each in batch.done] == [
        ("failed", first.id.hex),
        ("expired", second.id.hex),
    ]
    assert state(tenant, first) == ("failed", REASON)
    assert [(reports["operation"], reports["upload_id"]) for reports in log.reports()] == [
        ("expire_uploads", str(first.id))
    ]
    assert tenant.inconsistencies(finished=True) == []


def test_a_message_that_names_no_upload_becomes_a_dead_letter(log: Log) -> None:
    assert deliver(videos_handler, "no JSON", LAST) == ["m"]
    assert video_stored("originals/nobody", LAST) == []
    assert log.reports() == []


def test_the_number_of_attempts_is_that_of_the_queue() -> None:
    resources, parameters = template()["Resources"], template()["Parameters"]

    redrives = [
        each["Properties"]["RedrivePolicy"]
        for each in resources.values()
        if "RedrivePolicy" in each.get("Properties", {})
    ]
    assert [each["maxReceiveCount"] for each in redrives] == [{"Ref": "QueueReceives"}] * 3
    assert parameters["QueueReceives"]["Default"] == LAST
    assert template()["Globals"]["Function"]["Environment"]["Variables"]["QUEUE_RECEIVES"] == {
        "Ref": "QueueReceives"
    }
