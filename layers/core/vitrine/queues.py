"""Messages out: to SQS, or to what stands in for it on a laptop, at the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrine import aws

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 10  # messages SQS takes at once


def send_batch(url: str, bodies: Sequence[str]) -> list[int]:
    """The places in `bodies` of those that were taken."""
    taken: list[int] = []
    for start in range(0, len(bodies), BATCH):
        entries = [
            {"Id": str(start + i), "MessageBody": body}
            for i, body in enumerate(bodies[start : start + BATCH])
        ]
        answer = aws.sqs().send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
        taken += [int(entry["Id"]) for entry in answer.get("Successful", [])]
    return taken
