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
REASON: Final = "Vitrine made an internal error with this file, which may be whole. The error was logged; reprocess the item or upload the file again later."
METRIC: Final = "InternalErrors"

# StoreRefusal: the object changed or was deleted while it was read.
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
# of an OSError
_MACHINE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN}
)

# Errors that the same values cause again at every try. Invalid: a check constraint of the database rejected a
# value.
_OF_VALUES: Final = (
    InternalError,
    Invalid,
    ValueError,
    ArithmeticError,
    psycopg.DataError,
    psycopg.IntegrityError,
)


def is_temporary(error: Exception) -> bool:
    """Whether a temporary condition outside of our code caused the error: of the database, the store, a
    queue or the machine.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        # rights and credentials can be corrected by whoever operates the service
        return status >= 500 or status in (401, 403, 429)
    return isinstance(error, (*_TEMPORARY, BotoCoreError)) or (
        isinstance(error, OSError) and error.errno in _MACHINE
    )


def is_deterministic(error: Exception) -> bool:
    """Whether trying again cannot help, because the values that cause the error stay the same."""
    return isinstance(error, _OF_VALUES) and not is_temporary(error)


def report(operation: str, error: Exception, **ids: str) -> None:
    """Log the error with its traceback and the ids of what it concerns, and count it. `operation`: the
    function's name.
    """
    known = (
        {"kind": error.kind, "child_trace": error.trace}
        if isinstance(error, InternalError)
        else {"kind": type(error).__qualname__}
    )
    _logger().error("internal error", exc_info=error, extra={"operation": operation, **known, **ids})
    _count(operation)


def _count(operation: str) -> None:
    from aws_lambda_powertools.metrics import EphemeralMetrics

    metrics = EphemeralMetrics(namespace="Vitrine")
    metrics.add_dimension("operation", operation)
    metrics.add_metric(METRIC, "Count", 1)
    metrics.flush_metrics()


@cache
def _logger() -> Logger:
    from aws_lambda_powertools import Logger

    logging.getLogger("botocore").setLevel(logging.WARNING)  # its lines hold signed URLs
    return Logger()
