"""AWS clients, created at first use. This is the only module that imports boto3, so that a function that
calls no service does not import it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vitrine.settings import settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@cache
def s3() -> S3Client:
    """A client of the object store. Checksums are sent only where our code asks for them: botocore's defaults
    changed once and broke older stores.
    """
    import boto3
    from botocore.config import Config

    environment = settings()
    # A session of its own: the default one is shared, and keeps the credentials that it read first.
    return boto3.Session().client(
        "s3",
        region_name=environment.aws_region,
        endpoint_url=environment.aws_endpoint_url_s3 or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if environment.aws_endpoint_url_s3 else "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=3,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=16,
        ),
    )


@cache
def sqs() -> SQSClient:
    """A client of the queues."""
    import boto3
    from botocore.config import Config

    environment = settings()
    return boto3.Session().client(
        "sqs",
        region_name=environment.aws_region,
        endpoint_url=environment.aws_endpoint_url_sqs or None,
        config=Config(
            connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3}
        ),
    )
