"""Errors of our own code in functions that no client waits for: distinguished from temporary conditions,
logged with a traceback, and counted.
"""

from __future__ import annotations

import errno
import logging
from functools import cache
from typing import TYPE_CHECKING, Final

import psycopg

from vitrine.errors import DependencyUnavailable, InternalError, Invalid, ServiceUnavailable
from vitrine.storage import StoreRejected

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

# The reason that an item shows to the person who sent the file.
REASON: Final = (
    "Vitrine made an internal error with this file, which may be whole. "
    "The error was logged; reprocess the item or upload the file again later."
)
METRIC: Final = "InternalErrors"

# StoreRejected: the object changed or was deleted while it was read.
_TEMPORARY: Final = (
    ServiceUnavailable,
    DependencyUnavailable,
    StoreRejected,
    MemoryError,
    ConnectionError,
    TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
# numbers of an OSError that the machine causes, not the code
_OF_THE_MACHINE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN}
)

# Errors that the same values cause at every attempt. Invalid: a check constraint of the database rejected a
# value.
_DETERMINISTIC: Final = (
    InternalError,
    Invalid,
    ValueError,
    ArithmeticError,
    psycopg.DataError,
    psycopg.IntegrityError,
)


def is_temporary(error: Exception) -> bool:
    """Whether a temporary condition outside of our code caused the error: of the database, the store, a queue
    or the machine.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        # the operator of the service can correct permissions and credentials
        return status >= 500 or status in (401, 403, 429)
    return isinstance(error, (*_TEMPORARY, BotoCoreError)) or (
        isinstance(error, OSError) and error.errno in _OF_THE_MACHINE
    )


def is_deterministic(error: Exception) -> bool:
    """Whether another attempt cannot succeed, because the values that cause the error stay the same."""
    return isinstance(error, _DETERMINISTIC) and not is_temporary(error)


def report(operation: str, error: Exception, **ids: str) -> None:
    """Log the error with its traceback and the ids of what it concerns, and count it. `operation` is the
    function's name.
    """
    origin = (
        {"kind": error.kind, "child_trace": error.trace}
        if isinstance(error, InternalError)
        else {"kind": type(error).__qualname__}
    )
    logger().error("internal error", exc_info=error, extra={"operation": operation, **origin, **ids})
    _count(operation)


def _count(operation: str) -> None:
    from aws_lambda_powertools.metrics import EphemeralMetrics

    metrics = EphemeralMetrics(namespace="Vitrine")
    metrics.add_dimension("operation", operation)
    metrics.add_metric(METRIC, "Count", 1)
    metrics.flush_metrics()


@cache
def logger() -> Logger:
    """The logger of functions that no client waits for."""
    from aws_lambda_powertools import Logger

    logging.getLogger("botocore").setLevel(logging.WARNING)  # its lines contain signed URLs
    return Logger()
