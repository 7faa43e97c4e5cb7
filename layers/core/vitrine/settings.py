"""The environment, typed, read at first use and never at import. Every limit is defined here, with
its unit.
"""

from __future__ import annotations

import os
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from vitrine.records import dataclass

MIB = 1024 * 1024
GIB = 1024 * MIB

# All networks that IANA's special-purpose registries do not call globally reachable, multicast and unassigned
# ones too (iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry,
# .../ipv6-address-space).
NON_PUBLIC_NETWORKS = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # carriers' NAT; some clouds' metadata
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local: metadata of AWS and others
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    # unspecified, loopback, IPv4 mapped and compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard
    "::/3",
    "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: an IPv4 address within
    "3fff::/20",  # documentation
    "4000::/2",  # unassigned
    "8000::/1",  # unassigned; unique local (with AWS' metadata), link-local, multicast
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the environment variable of the same name in capitals."""

    database_url: str = ""  # role vitrine_app: API and consumers
    worker_database_url: str = ""  # role vitrine_worker: jobs
    owner_database_url: str = ""  # the owner: migrations
    db_pipeline: bool = True  # off for poolers without pipeline mode
    db_pool_size: int = 1  # connections; 1 in Lambda, a few where requests share a process
    migrations: str = "/opt"  # folder of the numbered SQL files

    bucket: str = "vitrine"
    aws_region: str = "us-east-1"
    aws_endpoint_url_s3: str = ""  # empty: AWS's own
    aws_endpoint_url_sqs: str = ""
    upload_stored_queue_url: str = ""
    video_stored_queue_url: str = ""
    import_requested_queue_url: str = ""
    queue_receives: int = 5  # of a message, before its queue moves it to the dead-letter queue

    origin: str = ""  # public origin of the API, no trailing slash; empty: that of the request
    allowed_origins: tuple[str, ...] = ()  # of browsers' pages, beside our own
    # header in which our own proxy names its client (X-Forwarded-For, CloudFront-Viewer-Address); empty: none
    client_address_header: str = ""
    proxy_secret: str = ""  # in X-Proxy-Secret of that proxy: without it the header above is ignored

    max_upload_bytes: int = 5 * GIB
    post_max_bytes: int = 100 * MIB  # of a presigned POST with undeclared size: stock Uppy's limit for a POST
    max_body_bytes: int = 4 * MIB  # of a request: a Lambda event carries 6 MB, with the body in base64
    form_max_bytes: int = 100 * MIB  # of a form upload as a whole; in Lambda never more than `max_body_bytes`
    # of one file of a v1 form in MB, as the v1 API documents it; never more than the form's own limit
    max_size_mb: int = 10
    max_size_image_mb: int = 0  # of a picture of a v1 form; 0: `max_size_mb`
    max_size_video_mb: int = 0  # of a video of a v1 form; 0: `max_size_mb`
    import_max_bytes: int = GIB  # of a file that is fetched from a URL
    import_seconds: int = 240  # from the first request of the URL to the last byte
    # addresses that nothing is fetched from, and that no registered URL may lead to
    refused_networks: tuple[str, ...] = NON_PUBLIC_NETWORKS
    upload_ttl: int = 24 * 3600  # seconds after the last activity
    upload_deadline: int = 6 * 24 * 3600  # seconds after creation; before the bucket's own rule at 7 days
    part_url_ttl: int = 15 * 60  # seconds
    post_url_ttl: int = 60 * 60  # seconds
    # seconds from the last moment at which a form may be sent until its bytes have been recorded
    landing_seconds: int = 15 * 60
    read_url_ttl: int = 60 * 60  # seconds
    # seconds that a call completes an upload alone; longer than its function may run
    complete_lease: int = 320
    hash_max_bytes: int = 8 * GIB  # above: no SHA-256
    decode_max_bytes: int = 512 * MIB  # of a still, on the disk of the decoding function
    max_pixels: int = 120_000_000  # of a still, before it is decoded
    # of all pictures of an animation together, since each of its viewers decodes them
    max_animation_pixels: int = 2_000_000_000
    decode_seconds: int = 60
    # bytes of address space of the process that decodes; its function needs this and as much again
    decode_memory: int = GIB
    # image/svg+xml, application/pdf: stored, never rendered, served as downloads only
    accepted_documents: tuple[str, ...] = ()
    keep_gps: bool = False  # the place in a picture's EXIF: everybody who sees the item would see it
    video_frames: int = 8  # of a video, at most; 64 is the most that is recorded
    video_seconds: int = 120  # of work on a video's frames; after two thirds the frames so far must do
    video_read_bytes: int = 256 * MIB  # of a video, read for its frames
    # bytes of address space of the process that decodes videos; 4K HEVC of 10 bits has 260 MB resident
    video_memory: int = 1536 * MIB
    max_video_seconds: int = 24 * 3600  # duration of a video; a file that claims more is not believed
    max_video_pixels: int = 36_000_000  # of one picture of a video: 8K, of which a decoder keeps several
    trash_days: int = 30  # 0: never purged

    rate_limits: bool = True
    v1_read_limit: int = 200  # requests per minute and credential, as the v1 API documents
    v1_write_limit: int = 50
    studio_read_limit: int = 6_000  # requests per minute and organization
    studio_write_limit: int = 3_000
    upload_limit: int = 60_000  # per minute and organization; 10,000 dropped files need two or three each
    # failed attempts to sign in or guess a code, and new accounts, per 15 minutes and address
    auth_limit: int = 30
    sign_in_limit: int = 10  # failed attempts at one account from one address, per 15 minutes
    sign_in_account_limit: int = 100  # failed attempts at one account from anywhere, per 15 minutes
    password_hashes: int = 2  # computed at the same time in one process, of 64 MiB and four threads each
    # seconds that a request waits for one of them, before it is answered with 503
    password_wait: float = 25.0

    idempotency_lease: int = 60  # seconds that a request with an Idempotency-Key has the key to itself

    device_limit: int = 100  # device logins begun per 15 minutes and address: an office shares one

    device_code_ttl: int = 30 * 60  # seconds that a device login waits for its person
    device_interval: int = 5  # seconds from one poll to the next
    sign_up: bool = False  # whether strangers may create accounts: open or closed
    session_ttl: int = 7 * 24 * 3600  # seconds after the session's last use
    max_api_keys: int = 10  # of one person, valid at the same time
    max_organizations: int = 20  # owned by one person
    max_invitations: int = 100  # of an organization, pending
    invitation_ttl: int = 7 * 24 * 3600  # seconds
    credential_delay: float = 0.1  # seconds: the shortest time in which an invalid credential is rejected


def _read(name: str, default: object) -> object:
    text = os.environ.get(name.upper())
    if text is None or text == "":
        return default
    if isinstance(default, bool):
        return text.strip().lower() in ("1", "true", "on", "yes", "open")
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        return float(text)
    if isinstance(default, tuple):
        return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    return text.rstrip("/") if name in ("origin", "aws_endpoint_url_s3", "aws_endpoint_url_sqs") else text


@cache
def settings() -> Settings:
    """Return the settings of this process. Raises ValueError for a number that is none; its message contains
    no secret.
    """
    return Settings(**{f.name: _read(f.name, f.default) for f in fields(Settings)})  # type: ignore[arg-type]
