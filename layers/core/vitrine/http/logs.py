"""The log line and the metrics of a request. They contain ids, never bodies, keys, queries or links.

Powertools costs as much to import as all other modules of an endpoint together. It is imported with the first
line, so that a cold start does not pay for it before the first answer.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

# Mangum logs each path, and the path of a permanent link contains its token.
logging.getLogger("mangum.http").setLevel(logging.WARNING)


def log_request(
    endpoint: str, request_id: str, status: int, milliseconds: float, *, with_metrics: bool
) -> None:
    """Write the log line of an answered request. Only CloudWatch reads metrics from the log, so that they are
    written in Lambda alone.
    """
    logger().info(
        "request",
        extra={
            "endpoint": endpoint,
            "request_id": request_id,
            "status": status,
            "milliseconds": round(milliseconds, 1),
        },
    )
    if with_metrics:
        from aws_lambda_powertools.metrics import EphemeralMetrics

        metrics = EphemeralMetrics(namespace="Vitrine")
        metrics.add_dimension("operation", endpoint)
        metrics.add_metric("Requests", "Count", 1)
        metrics.add_metric("Latency", "Milliseconds", milliseconds)
        metrics.flush_metrics()


@cache
def logger() -> Logger:
    from aws_lambda_powertools import Logger

    return Logger()
