"""kill -9 anywhere: whatever process dies at whatever moment, after its restart and one sweep no acknowledged
upload is lost and nothing is counted twice.

The seed decides the kill: which of the four processes, in which step of an upload, after which part of that
step's usual time. The client behaves as Uppy does and repeats what failed. The sweep runs with its clock
moved past every time-out and grace period.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from tests.given import pictures, reprocessing, videos
from tests.given.isolation_cases import owner
from tests.given.items import read_item
from tests.given.tenants import FINAL, Tenant
from vitrine import queues, storage
from vitrine.library import outbox, sweep
from vitrine.library.invariants import invariants
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from local.stack import Stack

TARGETS = ("api", "worker", "s3", "postgres")
MOMENTS = ("create", "part", "complete", "post", "event", "commit")
# seconds that a step usually takes on a small machine
STEP_SECONDS = {
    "create": 0.05,
    "part": 0.06,
    "complete": 0.12,
    "post": 0.06,
    "event": 0.4,
    "commit": 0.12,
    "reprocess": 0.4,
}
PART = 5 * 1024 * 1024
PAST_ALL_PERIODS = timedelta(days=8)  # longer than every time-out and grace period
PAST_LEASES = timedelta(minutes=10)  # longer than the lease of a call
FILM = videos.video(seconds=1)


@dataclass
class Attempt:
    """One upload by a client that repeats what fails, with a process killed in the middle."""

    stack: Stack
    tenant: Tenant
    target: str
    moment: str
    after: float  # seconds into the moment
    data: bytes
    restarted: bool = False
    killed: threading.Event = field(default_factory=threading.Event)
    acknowledged: str | None = None  # the media id, once a response has confirmed the bytes

    def run(self) -> None:
        by_form = self.moment in ("post", "reprocess") or (self.moment == "event" and len(self.data) < PART)
        with contextlib.suppress(GivenUp):
            if by_form:
                self.by_form()
            else:
                self.by_parts()
            if self.moment == "reprocess":
                self.reprocess()
        if not self.killed.is_set():
            self.kill()

    def by_form(self) -> None:
        signed = self.ask(
            "create", "GET", "/api/upload/s3/params", params={"filename": "a.jpg", "type": "image/jpeg"}
        )
        for _ in range(8):
            with self.killing("post"), contextlib.suppress(httpx.HTTPError):
                file = {"file": ("a.jpg", self.data, "image/jpeg")}
                # no TLS to set up
                answer = httpx.post(
                    signed["url"], data=signed["fields"], files=file, timeout=20, verify=False
                )
                if answer.status_code == 201:
                    self.acknowledged = signed["mediaId"]
                    break
            self.restart_target()
        self.see_event()

    def by_parts(self) -> None:
        created = self.ask(
            "create",
            "POST",
            "/api/upload/s3/multipart",
            json={"filename": "a.jpg", "type": "image/jpeg", "size": len(self.data)},
        )
        path, key = f"/api/upload/s3/multipart/{created['uploadId']}", {"key": created["key"]}
        parts = []
        for number, start in enumerate(range(0, len(self.data), PART), 1):
            parts.append(
                {"PartNumber": number, "ETag": self.put(path, key, number, self.data[start : start + PART])}
            )
        moment = "commit" if self.moment == "commit" else "complete"
        self.ask(moment, "POST", f"{path}/complete", params=key, json={"parts": parts})
        self.acknowledged = created["mediaId"]
        self.see_event()

    def put(self, path: str, key: dict[str, str], number: int, data: bytes) -> str:
        for _ in range(8):
            url = self.ask("sign", "GET", f"{path}/{number}", params=key)["url"]
            with self.killing("part"), contextlib.suppress(httpx.HTTPError):
                answer = httpx.put(url, content=data, timeout=20, verify=False)
                if answer.status_code == 200:
                    return answer.headers["etag"]
            self.restart_target()
        raise GivenUp

    def see_event(self) -> None:
        with self.killing("event"):
            time.sleep(STEP_SECONDS["event"] if self.moment == "event" else 0)

    def reprocess(self) -> None:
        """Request new frames once the item is ready. The kill comes during the request, or while the frames
        are made.
        """
        item = str(self.acknowledged)
        assert self.tenant.finished(item)["state"] == "ready"
        with self.killing("reprocess"):
            self.ask("again", "POST", f"/api/media/{item}/reprocess")
            time.sleep(STEP_SECONDS["reprocess"])

    def ask(self, moment: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Repeat the request until it is answered. An error that a repetition does not change ends the
        attempt.
        """
        for _ in range(12):
            with self.killing(moment), contextlib.suppress(httpx.HTTPError):
                answer = self.tenant.studio.request(method, path, timeout=20, **more)
                if answer.is_success:
                    answered: dict[str, Any] = answer.json()
                    return answered
                assert answer.status_code >= 500, answer.text
            self.restart_target()
            if moment in ("complete", "commit") and self.killed.is_set():
                run_jobs(PAST_LEASES)  # so that the lease of the call that died has expired
            time.sleep(0.1)
        raise GivenUp

    @contextlib.contextmanager
    def killing(self, moment: str) -> Generator[None]:
        """Kill the target during the first step of this attempt's moment."""
        if moment != self.moment or self.killed.is_set():
            yield
            return
        killer = threading.Timer(self.after, self.kill)
        killer.start()
        try:
            yield
        finally:
            killer.join()

    def kill(self) -> None:
        self.stack.kill(self.target)
        self.killed.set()

    def restart_target(self) -> None:
        """Restart the killed process, once. Call it from the main thread: a process of the stack ends when
        the thread that started it ends.
        """
        if self.killed.is_set() and not self.restarted:
            self.stack.restart(self.target)
            self.restarted = True


class GivenUp(Exception):
    """The client has stopped trying."""


def run_jobs(ahead: timedelta = PAST_ALL_PERIODS) -> None:
    """Run every job once, with its clock moved ahead: past all time-outs and grace periods, or past a lease
    only.
    """
    later = datetime.now(UTC) + ahead
    steps = (
        sweep.end_lapsed,
        sweep.send_again,
        sweep.send_reprocessing_again,
        sweep.clear_planned,
        sweep.discard_retired,
        sweep.delete_marked,
        sweep.abort_unwanted,
        outbox.send,
    )
    for job in steps:
        cursor: str | None = None
        while True:
            batch = job(later, cursor, 100, dry_run=False)
            cursor = batch.cursor
            if cursor is None:
                break


def eventually(what: Callable[[], bool], *, patience: float = 30) -> bool:
    until = time.monotonic() + patience
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def combination(seed: int) -> tuple[str, str]:
    every = [(target, moment) for target in TARGETS for moment in MOMENTS]
    random.Random(seed // len(every)).shuffle(every)
    return every[seed % len(every)]


def one_kill(stack: Stack, seed: int, *, while_reprocessing: bool = False) -> None:
    rng = random.Random(seed)
    target, moment = (TARGETS[seed % len(TARGETS)], "reprocess") if while_reprocessing else combination(seed)
    share = rng.uniform(0.6, 1.2) if moment == "commit" else rng.uniform(0, 1.1)
    photo = pictures.jpeg(320, 240, seed=seed)
    data = (
        photo
        if moment in ("post", "reprocess") or rng.random() < 0.3
        else photo + rng.randbytes(16) * ((PART + 4096) // 16)
    )
    if seed % 13 == 3:  # a video, which a function of its own processes
        data = FILM if len(data) < PART else videos.padded(FILM, len(data))
    attempt = Attempt(
        stack, Tenant.create(f"kill-{seed}-{os.getpid()}"), target, moment, STEP_SECONDS[moment] * share, data
    )

    attempt.run()
    attempt.restart_target()
    run_jobs()

    tenant, media = attempt.tenant, attempt.acknowledged
    if media is not None:
        assert eventually(lambda: tenant.finished(media)["state"] in FINAL), tenant.finished(
            media, patience=0
        )
        assert tenant.finished(media)["state"] == "ready", tenant.finished(media)
        shown = tenant.studio.get(f"/api/media/{media}").json()["media"]
        assert shown["sha256"] == hashlib.sha256(data).hexdigest()
        assert eventually(lambda: "reprocessing" not in read_item(tenant, media)["processing"])
    assert eventually(lambda: not invariants(finished=False))
    run_jobs()
    assert [str(each) for each in invariants(finished=True)] == []
    usage = tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()
    assert (
        usage["counts"]["active"]
        == len(tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"])
        <= 1
    )


@pytest.mark.parametrize("seed", range(8))  # each target and each moment is among them
def test_a_kill_loses_nothing_and_counts_nothing_twice(separate_stack: Stack, seed: int) -> None:
    one_kill(separate_stack, seed)


def test_a_worker_that_dies_between_putting_new_frames_and_recording_them_loses_no_frame(
    separate_stack: Stack, new_tenant: Callable[[], Tenant]
) -> None:
    tenant = new_tenant()
    media = tenant.ready(pictures.jpeg(64, 40, seed=9))
    (frame,) = read_item(tenant, media)["frames"]
    event = json.dumps(outbox.stored_event(reprocessing.record_request(tenant, media)))
    with owner() as connection:
        # Recording begins with this lock.
        connection.execute("select from media where id = %s for update", [UUID(media)])
        queues.send_batch(settings().upload_stored_queue_url, [event])
        assert eventually(lambda: len(derived(tenant)) == 4)
        separate_stack.kill("worker")
    (after,) = read_item(tenant, media)["frames"]

    assert after["id"] == frame["id"]
    assert {
        httpx.get(each, verify=False).status_code
        for each in (after["blob"], after["thumbnailBlob"], frame["blob"])
    } == {200}
    assert [str(each) for each in invariants(tenant.id)] == []
    separate_stack.restart("worker")
    (new,) = reprocessing.done(tenant, media)["frames"]
    assert (new["id"], new["blob"].partition("?")[0] != frame["blob"].partition("?")[0]) == (
        frame["id"],
        True,
    )
    run_jobs()
    assert len(derived(tenant)) == 2
    assert [str(each) for each in invariants(finished=True)] == []


def derived(tenant: Tenant) -> list[str]:
    return [each.key for each in storage.list_objects(f"derived/{tenant.id.hex}/")]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1016))
def test_kills_while_new_frames_are_made_lose_nothing_and_count_nothing_twice(
    separate_stack: Stack, seed: int
) -> None:
    one_kill(separate_stack, seed, while_reprocessing=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8, 128))
def test_many_kills_lose_nothing_and_count_nothing_twice(separate_stack: Stack, seed: int) -> None:
    one_kill(separate_stack, seed)
