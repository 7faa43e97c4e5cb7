"""The laptop's SQS: the guarantees of a queue, and its protocol with boto3."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Generator
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions
import httpx
import psycopg
import pytest
import uvicorn
from botocore.config import Config

from local.queues import Counts, Outgoing, Queues, sqs_app
from local.template import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

WORK, DEAD = (
    Queue("Work", visibility=30, dead_letters="Dead", max_receives=2),
    Queue("Dead", visibility=30, dead_letters=None, max_receives=None),
)


@pytest.fixture
def queues(database_url: str) -> Generator[Queues]:
    opened = Queues(database_url, [WORK, DEAD])
    opened.open()
    with psycopg.connect(database_url) as connection:
        connection.execute("truncate local.messages, local.schedules")  # faster than a database per test
    yield opened
    opened.close()


def bodies(queues: Queues, name: str = "Work", *, visibility: float | None = None) -> list[str]:
    return sorted(m.body for m in queues.receive(name, limit=10, visibility=visibility))


def test_a_received_message_is_invisible(queues: Queues) -> None:
    queues.send("Work", [Outgoing("a"), Outgoing("b")])

    first, second = bodies(queues), bodies(queues)

    assert (first, second) == (["a", "b"], [])
    assert queues.counts("Work") == Counts(visible=0, in_flight=2, delayed=0)


def test_a_message_that_was_not_deleted_is_visible_again_after_its_timeout(queues: Queues) -> None:
    queues.send("Work", [Outgoing("a")])
    [first] = queues.receive("Work", visibility=0.2)
    time.sleep(0.25)  # longer than the timeout

    [second] = queues.receive("Work")

    assert (second.id, second.receive_count, second.received_at) == (first.id, 2, first.received_at)
    assert second.receipt != first.receipt


def test_a_deleted_message_is_not_delivered_again(queues: Queues) -> None:
    queues.send("Work", [Outgoing("a")])
    queues.delete(queues.receive("Work", visibility=0))

    assert bodies(queues) == []
    assert queues.counts("Work") == Counts(0, 0, 0)


def test_an_outdated_receipt_deletes_nothing(queues: Queues) -> None:
    queues.send("Work", [Outgoing("a")])
    late = queues.receive("Work", visibility=0)
    queues.receive("Work", visibility=0)

    queues.delete(late)

    assert queues.counts("Work") == Counts(visible=1, in_flight=0, delayed=0)


def test_a_message_received_too_often_moves_to_the_dead_letters(queues: Queues) -> None:
    queues.send("Work", [Outgoing("a")])
    for _ in range(2):
        assert bodies(queues, visibility=0) == ["a"]

    assert bodies(queues) == []
    assert bodies(queues, "Dead") == ["a"]


def test_a_delayed_message_is_delivered_later(queues: Queues) -> None:
    queues.send("Work", [Outgoing("now"), Outgoing("later", delay=60)])

    assert bodies(queues) == ["now"]
    assert queues.counts("Work") == Counts(visible=0, in_flight=1, delayed=1)


def test_messages_of_a_dead_receiver_can_be_released_and_delayed_ones_cannot(queues: Queues) -> None:
    queues.send("Work", [Outgoing("received"), Outgoing("later", delay=60)])
    queues.receive("Work")

    assert queues.release("Work") == 1
    assert bodies(queues) == ["received"]


def test_messages_survive_their_sender(queues: Queues, database_url: str) -> None:
    queues.send("Work", [Outgoing("a")])
    queues.close()
    later = Queues(database_url, [WORK, DEAD])
    later.open()

    assert bodies(later) == ["a"]
    later.close()


def test_two_receivers_never_get_the_same_message(queues: Queues) -> None:
    queues.send("Work", [Outgoing(str(n)) for n in range(60)])
    got: list[str] = []

    def drain() -> None:
        while batch := queues.receive("Work", limit=3):
            got.extend(m.body for m in batch)

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got, key=int) == [str(n) for n in range(60)]


def test_a_schedule_counts_from_its_first_sight_and_over_restarts(queues: Queues) -> None:
    assert 59 < queues.seconds_until("fold_ledger", 60) <= 60
    assert queues.seconds_until("fold_ledger", 0) <= 0

    queues.mark_started("fold_ledger")

    assert 59 < queues.seconds_until("fold_ledger", 60) <= 60


# The protocol


@pytest.fixture
def sqs(queues: Queues) -> Generator[SQSClient]:
    server = uvicorn.Server(
        uvicorn.Config(sqs_app(queues), http="httptools", ws="none", lifespan="off", log_level="critical")
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        client = boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield client
        client.close()
        server.should_exit = True
        thread.join()


def url(sqs: SQSClient, name: str) -> str:
    return f"{sqs.meta.endpoint_url}/000000000000/{name}"


def test_boto3_sends_a_message(sqs: SQSClient, queues: Queues) -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "stored"}}

    answer = sqs.send_message(QueueUrl=url(sqs, "Work"), MessageBody="hello", MessageAttributes=attributes)  # type: ignore[arg-type]

    [message] = queues.receive("Work")
    assert (message.body, message.attributes) == ("hello", attributes)
    assert (answer["MessageId"], answer["MD5OfMessageBody"]) == (
        str(message.id),
        "5d41402abc4b2a76b9719d911017c592",
    )


def test_boto3_sends_a_batch_and_receives_a_result_for_each_entry(sqs: SQSClient, queues: Queues) -> None:
    entries = [
        {"Id": "one", "MessageBody": "1"},
        {"Id": "late", "MessageBody": "2", "DelaySeconds": 901},
        {"Id": "three", "MessageBody": "3"},
    ]

    answer = sqs.send_message_batch(QueueUrl=url(sqs, "Work"), Entries=entries)  # type: ignore[arg-type]

    assert [one["Id"] for one in answer["Successful"]] == ["one", "three"]
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [
        ("late", "InvalidParameterValue", True)
    ]
    assert bodies(queues) == ["1", "3"]


def test_boto3_reads_the_counts_of_messages(sqs: SQSClient, queues: Queues) -> None:
    queues.send("Work", [Outgoing("a"), Outgoing("b")])
    queues.receive("Work")

    answer = sqs.get_queue_attributes(QueueUrl=url(sqs, "Work"), AttributeNames=["All"])

    assert answer["Attributes"] == {
        "ApproximateNumberOfMessages": "1",
        "ApproximateNumberOfMessagesNotVisible": "1",
        "ApproximateNumberOfMessagesDelayed": "0",
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:Work",
    }


@pytest.mark.parametrize(
    ("queue", "entries", "code"),
    [
        ("Nowhere", [{"Id": "a", "MessageBody": "x"}], "AWS.SimpleQueueService.NonExistentQueue"),
        (
            "Work",
            [{"Id": str(n), "MessageBody": "x"} for n in range(11)],
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        ),
        (
            "Work",
            [{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}],
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        ),
        (
            "Work",
            [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)],
            "AWS.SimpleQueueService.BatchRequestTooLong",
        ),
    ],
)
def test_requests_that_sqs_rejects_are_rejected(
    sqs: SQSClient, queues: Queues, queue: str, entries: list[dict[str, str]], code: str
) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as rejected:
        sqs.send_message_batch(QueueUrl=url(sqs, queue), Entries=entries)  # type: ignore[arg-type]

    assert rejected.value.response.get("Error", {}).get("Code") == code
    assert queues.counts("Work") == Counts(0, 0, 0)


def test_a_web_page_cannot_send_messages(sqs: SQSClient, queues: Queues) -> None:
    body = f'{{"QueueUrl": "{url(sqs, "Work")}", "MessageBody": "evil"}}'
    action = {"x-amz-target": "AmazonSQS.SendMessage"}

    plain = httpx.post(sqs.meta.endpoint_url, content=body, headers={"content-type": "text/plain"})
    rebound = httpx.post(sqs.meta.endpoint_url, content=body, headers={**action, "host": "evil.example"})
    asked = httpx.options(
        sqs.meta.endpoint_url,
        headers={"origin": "http://evil.example", "access-control-request-method": "POST"},
    )

    assert [plain.status_code, rebound.status_code, asked.status_code] == [404, 404, 405]
    assert queues.counts("Work") == Counts(0, 0, 0)
