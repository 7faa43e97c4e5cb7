"""Makes AWS clients, at first use. The only module that imports boto3, so that a function which calls no
service does not pay for it.
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
    """A client of the store. Checksums are ours to ask for: the library's defaults changed once and broke
    older stores.
    """
    import boto3
    from botocore.config import Config

    chosen = settings()
    # a session of its own: the default one is shared, and keeps the credentials it saw first
    return boto3.Session().client(
        "s3",
        region_name=chosen.aws_region,
        endpoint_url=chosen.aws_endpoint_url_s3 or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if chosen.aws_endpoint_url_s3 else "virtual"},
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

    chosen = settings()
    return boto3.Session().client(
        "sqs",
        region_name=chosen.aws_region,
        endpoint_url=chosen.aws_endpoint_url_sqs or None,
        config=Config(
            connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3}
        ),
    )
