"""Sending messages to SQS, or on a laptop to the server that stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import aws

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 10  # messages in one SendMessageBatch, the limit of SQS


def send_batch(url: str, bodies: Sequence[str]) -> list[int]:
    """Send the messages to the queue at this URL. Return the indexes of those that it accepted."""
    accepted: list[int] = []
    for start in range(0, len(bodies), BATCH):
        entries = [
            {"Id": str(start + i), "MessageBody": body}
            for i, body in enumerate(bodies[start : start + BATCH])
        ]
        answer = aws.sqs().send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
        accepted += [int(entry["Id"]) for entry in answer.get("Successful", [])]
    return accepted
