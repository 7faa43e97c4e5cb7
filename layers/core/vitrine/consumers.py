"""The same door for what is no request: messages of a queue, and schedules. Logs hold ids, never what a
message says.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from vitrine import internal_errors, jobs
from vitrine.errors import Invalid
from vitrine.library import finalizing as finalizing
from vitrine.models.people import Consumer
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from vitrine.jobs import Step

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

TIME_BOX = 45.0  # seconds of a job where nobody says how long it may run
FAREWELL = 8.0  # seconds left to the last batch and the report before Lambda cuts


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a queue, which may come twice, late and in any order."""

    id: str
    body: str
    received: int  # how often it has been, this time included


def on_event(each: Callable[[Message], None]) -> Handler:
    """A function of a queue. A message that `each` raises for comes back, the others of its batch do not;
    after the queue's last try it is a
    dead letter.
    """
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def take(record: SQSRecord) -> None:
        try:
            each(
                Message(record.message_id, record.body, int(record.attributes.approximate_receive_count or 1))
            )
        except Exception:
            _logger().exception("message failed", extra={"message_id": record.message_id})
            raise

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(
            event=event, record_handler=take, processor=processor, context=context
        )
        return {
            "batchItemFailures": [
                {"itemIdentifier": failure["itemIdentifier"]} for failure in answer["batchItemFailures"]
            ]
        }

    return handler


def on_upload(
    operation: str, keys: Callable[[str], Iterable[str]], process: Callable[[str], object]
) -> Handler:
    """A function of a queue whose messages name uploads. `keys` reads from a message the keys that the
    uploads land at; `process` processes one.

    A message comes back while trying again may help. What can never succeed ends: the upload is recorded as
    failed, with a reason, at the queue's
    last try, or at once where the error lies in values that stay the same. A temporary condition is recorded
    nowhere: the message may become a
    dead letter, and the sweep sends another one, or ends the upload.
    """

    def each(message: Message) -> None:
        for key in keys(message.body):
            try:
                process(key)
            except Exception as error:
                if internal_errors.is_temporary(error):
                    raise
                upload = finalizing.at(key)
                ids = (
                    {"upload_id": str(upload.id), "media_id": str(upload.media_id)}
                    if upload is not None
                    else {}
                )
                internal_errors.report(operation, error, message_id=message.id, **ids)
                if message.received < settings().queue_receives and not internal_errors.is_deterministic(
                    error
                ):
                    raise
                if upload is not None:
                    finalizing.fail(Consumer(upload.organization_id), upload, internal_errors.REASON)

    return on_event(each)


def named_keys(body: str) -> list[str]:
    """The key of the upload that one of our own messages names. Raises ValueError or KeyError for another
    message.
    """
    return [json.loads(body)["key"]]


def on_schedule(job: str, *steps: Step) -> Handler:
    """A scheduled job. Its event may say `now` (ISO 8601 with a zone; else it is now) and `dryRun`; it
    answers the report.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        left = (
            context.get_remaining_time_in_millis() / 1000 - FAREWELL
            if hasattr(context, "get_remaining_time_in_millis")
            else TIME_BOX
        )
        try:
            report = jobs.run(
                job, steps, now=_now(event), seconds=max(1.0, left), dry_run=event.get("dryRun") is True
            )
        except Exception:
            _logger().exception("job failed", extra={"job": job})
            raise
        _logger().info("job", extra={"job": job, "report": {**report.shown(), "done": len(report.done)}})
        return report.shown()

    return handler


def _now(event: dict[str, Any]) -> datetime:
    said = event.get("now")
    if said is None:
        return datetime.now(UTC)
    now = datetime.fromisoformat(str(said))
    if now.tzinfo is None:
        raise Invalid("`now` has a zone")
    return now


@cache
def _logger() -> Logger:
    from aws_lambda_powertools import Logger

    logging.getLogger("botocore").setLevel(logging.WARNING)  # its lines hold signed URLs
    return Logger()
