"""Entry points of functions that no request calls: handlers for messages of a queue and for schedules. Logs
contain ids, never the content of a message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vitrine import internal_errors, jobs
from vitrine.errors import Invalid
from vitrine.internal_errors import logger
from vitrine.library import finalizing, upload_lookup
from vitrine.models.people import Consumer
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from vitrine.jobs import Step

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

JOB_SECONDS = 45.0  # of a job outside of Lambda, which has no context with the time left
REPORT_SECONDS = 8.0  # left for the last batch and the report before Lambda stops the function


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a queue. It may come twice, late and in any order."""

    id: str
    body: str
    receive_count: int  # including this time


def on_event(process: Callable[[Message], None]) -> Handler:
    """Return the handler of a queue's function. A message for which `process` raises is received again, the
    others of its batch are not. After the queue's last attempt it becomes a dead letter.
    """
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def process_record(record: SQSRecord) -> None:
        receive_count = int(record.attributes.approximate_receive_count or 1)
        try:
            process(Message(record.message_id, record.body, receive_count))
        except Exception:
            logger().exception("message failed", extra={"message_id": record.message_id})
            raise

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(
            event=event, record_handler=process_record, processor=processor, context=context
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
    """Return the handler of a queue whose messages name uploads. `keys` reads from a message's body the keys
    that the uploads have in the store; `process` processes one of them.

    A message is received again while another attempt may succeed. Otherwise the upload is recorded as failed,
    with a reason: at the queue's last attempt, or at once where the same values cause the same error. A
    temporary condition is not recorded: the message may become a dead letter, and the sweep sends another
    one, or ends the upload.
    """

    def process_message(message: Message) -> None:
        for key in keys(message.body):
            try:
                process(key)
            except Exception as error:
                if internal_errors.is_temporary(error):
                    raise
                upload = upload_lookup.find_by_key(key)
                ids = (
                    {"upload_id": str(upload.id), "media_id": str(upload.media_id)}
                    if upload is not None
                    else {}
                )
                internal_errors.report(operation, error, message_id=message.id, **ids)
                is_last = message.receive_count >= settings().queue_receives
                if not is_last and not internal_errors.is_deterministic(error):
                    raise
                if upload is not None:
                    finalizing.fail(Consumer(upload.organization_id), upload, internal_errors.REASON)

    return on_event(process_message)


def named_keys(body: str) -> list[str]:
    """Return the key of the upload that one of our own messages names. Raises ValueError or KeyError for
    another message.
    """
    return [json.loads(body)["key"]]


def on_schedule(job: str, *steps: Step) -> Handler:
    """Return the handler of a scheduled job, which returns the report.

    Its event may have `now` (ISO 8601 with a zone; by default the present time) and `dryRun`.
    """

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        seconds = (
            context.get_remaining_time_in_millis() / 1000 - REPORT_SECONDS
            if hasattr(context, "get_remaining_time_in_millis")
            else JOB_SECONDS
        )
        try:
            report = jobs.run(
                job, steps, now=_now(event), seconds=max(1.0, seconds), dry_run=event.get("dryRun") is True
            )
        except Exception:
            logger().exception("job failed", extra={"job": job})
            raise
        counted = {**report.as_json(), "done": len(report.done)}
        logger().info("job", extra={"job": job, "report": counted})
        return report.as_json()

    return handler


def _now(event: dict[str, Any]) -> datetime:
    text = event.get("now")
    if text is None:
        return datetime.now(UTC)
    now = datetime.fromisoformat(str(text))
    if now.tzinfo is None:
        raise Invalid("`now` has a zone")
    return now
