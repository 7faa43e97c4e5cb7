"""The upload of a JPEG followed by a gibibyte of other bytes, until it is `ready`, compared with writing the
same parts straight to the S3 server.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import urllib3

from tests.given import pictures
from tests.given.protocol import begin
from tests.given.stack import running_stack
from tests.given.tenants import Tenant
from vitrine import storage
from vitrine.settings import settings

GIB = 1024**3
PART = 8 * 1024**2
AHEAD = 16  # parts signed in one call
BLOCK = os.urandom(PART)


def main() -> None:
    """Print both speeds, their ratio, and the peak memory of the API and the S3 server."""
    photo = pictures.jpeg(4000, 3000, seed=1)
    size = len(photo) + GIB
    with running_stack() as stack:
        os.environ.update(stack.environment() | {"API_URL": stack.origin})
        settings.cache_clear()
        pool = urllib3.PoolManager()

        _straight(pool, photo, 0)  # warms up the store and this process
        tenant = Tenant.create("bench-large")
        # Warms up the API and the worker, so that their first imports are not measured.
        small = begin(tenant, size=len(photo))
        small.complete(small.put_all(photo))
        tenant.finished(small.media)
        before = _straight(pool, photo, 1)
        digest, hashing = hashlib.sha256(), 0.0
        began = time.perf_counter()
        upload = begin(tenant, size=size)
        parts, urls = [], dict[int, str]()
        for number, data in enumerate(_parts(photo), 1):
            if number % AHEAD == 1:
                urls = upload.sign_all(range(number, number + AHEAD))
            answer = pool.request("PUT", urls[number], body=data)
            parts.append({"PartNumber": number, "ETag": answer.headers["ETag"]})
        completed = upload.complete(parts)
        stored = time.perf_counter() - began
        status = tenant.finished(upload.media, patience=300)
        ready = time.perf_counter() - began
        for data in _parts(photo):
            hashing -= time.perf_counter()
            digest.update(data)
            hashing += time.perf_counter()
        shown = tenant.studio.get(f"/api/media/{upload.media}").json()["media"]
        # One run before the upload and one after it, so that other load on this machine affects both results.
        straight = (before + _straight(pool, photo, 2)) / 2
        memory = {part: _peak(stack.pid(part)) for part in ("api", "s3", "worker")}

    equal = "equal" if shown["sha256"] == digest.hexdigest() else "DIFFERENT"
    print(f"  Complete answered {completed.status_code}; then {status['state']}; SHA-256 {equal}")
    print(f"  straight to the S3 server  {size / straight / 1e6:6.0f} MB/s")
    print(
        f"  through the protocol       {size / stored / 1e6:6.0f} MB/s to stored   "
        f"{straight / stored:.2f} x straight"
    )
    print(
        f"                             {size / ready / 1e6:6.0f} MB/s to ready    "
        f"{straight / ready:.2f} x straight"
    )
    print(
        f"  SHA-256 alone              {size / hashing / 1e6:6.0f} MB/s             "
        f"{straight / hashing:.2f} x straight"
    )
    print("  most memory: " + ", ".join(f"{part} {megabytes:.0f} MB" for part, megabytes in memory.items()))


def _parts(photo: bytes) -> Iterator[bytes]:
    """Yield the photo and a gibibyte of random bytes, in parts of PART bytes."""
    left = len(photo) + GIB
    first = photo + BLOCK[len(photo) % PART :] if len(photo) < PART else photo[:PART]
    data = first[:PART]
    while left > 0:
        yield data[:left]
        left -= len(data)
        data = BLOCK


def _straight(pool: urllib3.PoolManager, photo: bytes, turn: int) -> float:
    """Write the parts to the S3 server with a multipart upload. Return the seconds that it took."""
    key = f"originals/bench/{turn}"
    began = time.perf_counter()
    upload_id = storage.create_multipart(key, checksum_kind="CRC64NVME")
    parts = []
    for number, data in enumerate(_parts(photo), 1):
        answer = pool.request("PUT", storage.sign_part(key, upload_id, number).url, body=data)
        parts.append((number, answer.headers["ETag"]))
    storage.complete(key, upload_id, parts, size=None, checksum=None)
    return time.perf_counter() - began


def _peak(pid: int) -> float:
    """Return the largest resident set size of a process so far, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
