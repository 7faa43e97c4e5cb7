"""The store: a catalogue of objects and uploads in SQLite; their bytes are blobs.

An object is a list of blobs, so completing an upload or copying an object writes rows and moves no bytes. A
change and its event are one transaction: after a crash an object exists with its event, or neither does.
Events move from the database to the journal before the request is answered, or at the next start.

Every method may block; call them from worker threads.
"""

import hashlib
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from secrets import token_hex
from typing import Any, Generic, TypeVar

from local.s3.blobs import Blob, Blobs, Writing
from local.s3.checksums import Checksum, Digests, combine
from local.s3.documents import ListedPart
from local.s3.errors import S3Error
from local.s3.events import Created, Notification, message
from local.s3.journal import Journal

MIN_PART = 5 << 20  # bytes, of every part but the last
MAX_PART = 5 << 30
MAX_OBJECT = 50 << 40
# seconds in which a repeated Complete of a completed upload has the same answer
_REMEMBERED = 24 * 3600

T = TypeVar("T")

_SCHEMA = """
create table if not exists objects (
  key       text    primary key,       -- BINARY collation: UTF-8 order, which is S3's
  version   text    not null unique,
  size      integer not null,          -- bytes
  etag      text    not null,          -- without quotes
  modified  real    not null,          -- seconds since 1970
  algorithm text    not null,
  checksum  text    not null,          -- base64, of the whole object
  headers   text    not null           -- JSON: returned with the object
);
create table if not exists pieces (
  version text    not null,
  ordinal integer not null,
  blob    text    not null,
  size    integer not null,
  primary key (version, ordinal)
) without rowid;
create index if not exists pieces_blob on pieces (blob);
create table if not exists uploads (
  id        text primary key,          -- sorts by creation
  key       text not null,
  initiated real not null,
  algorithm text not null,
  headers   text not null,
  finished  real,                      -- seconds since 1970; null: the upload is open
  listed    text,                      -- JSON: the parts of its Complete
  etag      text,                      -- of the object
  checksum  text
);
create index if not exists uploads_key on uploads (key, id) where finished is null;
create table if not exists parts (
  upload   text    not null,
  number   integer not null,
  blob     text    not null,
  size     integer not null,
  etag     text    not null,
  checksum text    not null,
  modified real    not null,
  primary key (upload, number)
) without rowid;
create index if not exists parts_blob on parts (blob);
create table if not exists events (    -- events that are not in the journal yet
  sequence integer primary key autoincrement,
  content  text not null
);
"""


@dataclass(frozen=True)
class StoredObject:
    key: str
    version: str  # internal: unique for each put
    size: int  # bytes
    etag: str  # without quotes
    modified: float  # seconds since 1970
    checksum: Checksum
    headers: Mapping[str, str]  # content-type, cache-control ..., x-amz-meta-*


@dataclass(frozen=True)
class OpenedObject:
    """An object that is open for reading: its blobs stay until `release`."""

    stored: StoredObject
    pieces: tuple[Blob, ...]


@dataclass(frozen=True)
class Upload:
    id: str
    key: str
    initiated: float  # seconds since 1970
    algorithm: str  # of its full-object checksum
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Part:
    number: int
    size: int  # bytes
    etag: str
    checksum: Checksum
    modified: float


@dataclass(frozen=True)
class Completed:
    key: str
    etag: str
    checksum: Checksum


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a listing, and whether more entries follow."""

    entries: tuple[T, ...]
    more: bool


@dataclass(frozen=True)
class Condition:
    """The condition of a write: If-Match with an ETag or `*`, or If-None-Match with `*`."""

    if_match: str | None = None
    if_absent: bool = False

    def check(self, current: StoredObject | None, *, since: float | None = None) -> None:
        """Check the condition against the key's current object; None: the key has no object.

        Raises S3Error: NoSuchKey, PreconditionFailed, or ConditionalRequestConflict when the object was
        changed after `since`, the arrival of the request (seconds since 1970).
        """
        if self.if_match is not None and current is None:
            raise S3Error("NoSuchKey")
        if current is None or (
            (self.if_match is None or matches(self.if_match, current.etag)) and not self.if_absent
        ):
            return
        header = "If-None-Match" if self.if_absent else "If-Match"
        if since is not None and current.modified > since:
            raise S3Error("ConditionalRequestConflict", Condition=header, Key=current.key)
        raise S3Error("PreconditionFailed", Condition=header)


def matches(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names the ETag, with quotes or without, as in S3."""
    return any(choice.strip().removeprefix("W/").strip('"') in {"*", etag} for choice in header.split(","))


class Store:
    """One bucket in one folder, for one process at a time."""

    def __init__(
        self,
        root: Path,
        *,
        bucket: str,
        region: str,
        notifications: Iterable[Notification],
        durable: bool = True,
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._notifications = tuple(notifications)
        self._durable = durable
        self._lock = threading.Lock()
        self._readers: Counter[str] = Counter()  # blob -> responses that are reading it
        self._unlinked: set[str] = set()  # blobs to be removed after their last reader

        folder = root / bucket
        folder.mkdir(parents=True, exist_ok=True)
        self.blobs = Blobs(folder / "blobs", durable=durable)
        self._journal = Journal(root / ".events", durable=durable)
        self._db = _open_database(folder / "catalogue.sqlite", durable=durable)
        self._recover()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # Objects

    def find(self, key: str) -> StoredObject | None:
        with self._lock:
            return self._find(key)

    def put(
        self,
        writing: Writing,
        key: str,
        headers: Mapping[str, str],
        algorithm: str,
        condition: Condition,
        kind: str,
        request_id: str,
        *,
        since: float,
    ) -> StoredObject:
        """Finish the blob, make it the object at `key`, and record its event of this kind."""
        blob = writing.finish()
        try:
            with self._change() as dropped:
                condition.check(self._find(key), since=since)
                new = StoredObject(
                    key,
                    token_hex(16),
                    blob.size,
                    writing.etag,
                    time.time(),
                    writing.checksum(algorithm),
                    headers,
                )
                self._replace(new, (blob,), dropped, kind, request_id)
        except BaseException:
            self._forget(blob)
            raise
        return new

    def copy(
        self,
        source: OpenedObject,
        key: str,
        headers: Mapping[str, str],
        algorithm: str,
        condition: Condition,
        request_id: str,
        *,
        since: float,
    ) -> StoredObject:
        """Create an object at `key` that shares the source's blobs.

        The bytes are read only when the copy needs another ETag or checksum than the source's: the ETag of a
        copy is never that of a multipart object.
        """
        etag, checksum = source.stored.etag, source.stored.checksum
        if "-" in etag or algorithm != checksum.algorithm:
            etag, checksum = _digests(self.blobs.read(source.pieces, 0, source.stored.size), algorithm)
        with self._change() as dropped:
            condition.check(self._find(key), since=since)
            new = StoredObject(key, token_hex(16), source.stored.size, etag, time.time(), checksum, headers)
            self._replace(new, source.pieces, dropped, "ObjectCreated:Copy", request_id)
        return new

    def delete(self, key: str, if_match: str | None) -> None:
        """Delete the object at `key`, if there is one.

        With `if_match` raises S3Error: NoSuchKey when there is none, PreconditionFailed for another ETag.
        """
        with self._change() as dropped:
            current = self._find(key)
            Condition(if_match).check(current)
            if current is not None:
                self._remove(current, dropped)

    def list_objects(self, prefix: str, after: str, limit: int) -> Page[StoredObject]:
        """Objects whose keys start with `prefix` and follow `after`, in the order of their keys."""
        end = _end_of(prefix)
        with self._lock:
            rows = self._db.execute(
                """
                select key, version, size, etag, modified, algorithm, checksum, headers
                  from objects
                 where key > :after
                   and key >= :prefix
                   and (:end is null or key < :end)
                 order by key
                 limit :limit + 1
                """,
                {"after": after, "prefix": prefix, "end": end, "limit": limit},
            ).fetchall()
        return Page(tuple(_object(row) for row in rows[:limit]), len(rows) > limit)

    def open_object(self, key: str) -> OpenedObject:
        """Open the object for reading. Its bytes stay readable until `release`, even if it is deleted
        meanwhile.

        Raises S3Error NoSuchKey.
        """
        with self._lock:
            stored = self._find(key)
            if stored is None:
                raise S3Error("NoSuchKey", Key=key)
            rows = self._db.execute(
                "select blob, size from pieces where version = ? order by ordinal", (stored.version,)
            )
            opened = OpenedObject(stored, tuple(Blob(*row) for row in rows))
            self._readers.update(piece.name for piece in opened.pieces)
        return opened

    def release(self, opened: OpenedObject) -> None:
        """Close the object, and remove its blobs if they are unused now."""
        with self._lock:
            self._readers.subtract(piece.name for piece in opened.pieces)
            freed = {piece.name for piece in opened.pieces if self._readers[piece.name] <= 0}
            for name in freed:
                del self._readers[name]
            unused = self._unused(freed & self._unlinked)
            self._unlinked -= freed
        self.blobs.remove(unused)

    # Uploads

    def create_upload(self, key: str, headers: Mapping[str, str], algorithm: str) -> Upload:
        now = time.time()
        upload = Upload(f"{time.time_ns():016x}{token_hex(24)}", key, now, algorithm, headers)
        with self._change():
            self._db.execute(
                "insert into uploads (id, key, initiated, algorithm, headers) values (?, ?, ?, ?, ?)",
                (upload.id, key, now, algorithm, json.dumps(dict(headers))),
            )
        return upload

    def upload(self, upload_id: str, key: str) -> Upload:
        """The open upload. Raises S3Error NoSuchUpload."""
        with self._lock:
            return self._upload(upload_id, key)

    def put_part(self, upload: Upload, number: int, writing: Writing) -> Part:
        """Finish the blob and make it the upload's part, in place of an earlier part of this number."""
        blob = writing.finish()
        part = Part(number, blob.size, writing.etag, writing.checksum(upload.algorithm), time.time())
        try:
            with self._change() as dropped:
                # raises if the upload was completed or aborted while the body was received
                self._upload(upload.id, upload.key)
                dropped.extend(
                    self._column("select blob from parts where upload = ? and number = ?", upload.id, number)
                )
                self._db.execute(
                    """
                    replace into parts (upload, number, blob, size, etag, checksum, modified)
                    values (?, ?, ?, ?, ?, ?, ?)
                    """,
                    (upload.id, number, blob.name, part.size, part.etag, part.checksum.value, part.modified),
                )
        except BaseException:
            self._forget(blob)
            raise
        return part

    def list_parts(self, upload: Upload, after: int, limit: int) -> Page[Part]:
        with self._lock:
            rows = self._db.execute(
                """
                select number, size, etag, checksum, modified
                  from parts
                 where upload = ? and number > ?
                 order by number
                 limit ?
                """,
                (upload.id, after, limit + 1),
            ).fetchall()
        entries = tuple(
            Part(n, size, etag, Checksum(upload.algorithm, value), at)
            for n, size, etag, value, at in rows[:limit]
        )
        return Page(entries, len(rows) > limit)

    def complete(
        self,
        upload_id: str,
        key: str,
        listed: tuple[ListedPart, ...],
        condition: Condition,
        declared: Checksum | None,
        declared_size: int | None,
        request_id: str,
        *,
        since: float,
    ) -> Completed:
        """Create the object from the listed parts and end the upload. Parts that are not listed are removed.

        Idempotent: a repeated request with the same parts has the same answer for a day.
        """
        wanted = json.dumps([(part.number, part.etag) for part in listed])
        with self._change() as dropped:
            finished = self._db.execute(
                "select etag, algorithm, checksum from uploads where id = ? and key = ? and listed = ?",
                (upload_id, key, wanted),
            ).fetchone()
            if finished is not None:
                return Completed(key, finished[0], Checksum(finished[1], finished[2]))

            upload = self._upload(upload_id, key)
            stored = {
                number: (Blob(blob, size), etag, value)
                for number, blob, size, etag, value in self._db.execute(
                    "select number, blob, size, etag, checksum from parts where upload = ?", (upload_id,)
                )
            }
            _check_parts(
                upload,
                listed,
                {number: (blob.size, etag, value) for number, (blob, etag, value) in stored.items()},
            )
            parts = [stored[part.number] for part in listed]
            checksum = combine(upload.algorithm, ((value, blob.size) for blob, _, value in parts))
            size = sum(blob.size for blob, _, _ in parts)
            _check_declared(checksum, size, declared, declared_size)
            condition.check(self._find(key), since=since)

            etags = hashlib.md5(b"".join(bytes.fromhex(etag) for _, etag, _ in parts), usedforsecurity=False)
            etag = f"{etags.hexdigest()}-{len(parts)}"
            new = StoredObject(key, token_hex(16), size, etag, time.time(), checksum, upload.headers)
            self._replace(
                new,
                (blob for blob, _, _ in parts),
                dropped,
                "ObjectCreated:CompleteMultipartUpload",
                request_id,
            )
            # the blobs of the new object are kept, because `pieces` names them
            dropped.extend(blob.name for blob, _, _ in stored.values())
            self._db.execute("delete from parts where upload = ?", (upload_id,))
            self._db.execute(
                "update uploads set finished = ?, listed = ?, etag = ?, checksum = ? where id = ?",
                (time.time(), wanted, etag, checksum.value, upload_id),
            )
        return Completed(key, etag, checksum)

    def abort(self, upload_id: str, key: str) -> None:
        with self._change() as dropped:
            self._upload(upload_id, key)
            dropped.extend(self._column("select blob from parts where upload = ?", upload_id))
            self._db.execute("delete from parts where upload = ?", (upload_id,))
            self._db.execute("delete from uploads where id = ?", (upload_id,))

    def list_uploads(self, prefix: str, after: tuple[str, str], limit: int) -> Page[Upload]:
        """Open uploads whose (key, id) come after `after`, in that order."""
        with self._lock:
            rows = self._db.execute(
                """
                select id, key, initiated, algorithm, headers
                  from uploads
                 where finished is null
                   and (key, id) > (:key, :id)
                   and key >= :prefix
                   and (:end is null or key < :end)
                 order by key, id
                 limit :limit + 1
                """,
                {"key": after[0], "id": after[1], "prefix": prefix, "end": _end_of(prefix), "limit": limit},
            ).fetchall()
        return Page(tuple(_open_upload(row) for row in rows[:limit]), len(rows) > limit)

    # Shared by objects and uploads

    @contextmanager
    def _change(self) -> Generator[list[str]]:
        """Run the block in a transaction, then move its events to the journal.

        Yields a list for names of blobs, which are removed afterwards unless they are still in use.
        """
        dropped: list[str] = []
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield dropped
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
            unused = self._unused(dropped)
            busy = {name for name in unused if self._readers[name] > 0}
            self._unlinked |= busy
            self._flush_events()
        self.blobs.remove(unused - busy)

    def _forget(self, blob: Blob) -> None:
        """Remove the blob of a failed change, unless it was committed and only the journal failed."""
        with self._lock:
            unused = self._unused([blob.name])
        self.blobs.remove(unused)

    def _replace(
        self, new: StoredObject, blobs: Iterable[Blob], dropped: list[str], kind: str, request_id: str
    ) -> None:
        old = self._find(new.key)
        if old is not None:
            self._remove(old, dropped)
        self._db.execute(
            """
            insert into objects (key, version, size, etag, modified, algorithm, checksum, headers)
            values (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                new.key,
                new.version,
                new.size,
                new.etag,
                new.modified,
                new.checksum.algorithm,
                new.checksum.value,
                json.dumps(dict(new.headers)),
            ),
        )
        self._db.executemany(
            "insert into pieces (version, ordinal, blob, size) values (?, ?, ?, ?)",
            ((new.version, ordinal, blob.name, blob.size) for ordinal, blob in enumerate(blobs)),
        )
        if any(rule.covers(kind, new.key) for rule in self._notifications):
            sequence = self._db.execute("insert into events (content) values ('')").lastrowid or 0
            created = Created(kind, new.key, new.size, new.etag, new.modified, request_id)
            content = message(created, bucket=self._bucket, region=self._region, sequence=sequence)
            self._db.execute("update events set content = ? where sequence = ?", (content, sequence))

    def _remove(self, old: StoredObject, dropped: list[str]) -> None:
        dropped.extend(self._column("select blob from pieces where version = ?", old.version))
        self._db.execute("delete from pieces where version = ?", (old.version,))
        self._db.execute("delete from objects where key = ?", (old.key,))

    def _unused(self, names: Iterable[str]) -> set[str]:
        return {
            name
            for name in names
            if not self._column(
                """
                select blob from pieces where blob = ?
                 union all
                select blob from parts where blob = ?
                 limit 1
                """,
                name,
                name,
            )
        }

    def _flush_events(self) -> None:
        """Move events to the journal. Events that cannot be written now are moved with the next ones, or at
        the next start.
        """
        waiting = self._db.execute("select sequence, content from events order by sequence").fetchall()
        if not waiting:
            return
        for sequence, content in waiting:
            self._journal.write(sequence, content)
        # Without a sync of its own: if a crash of the machine loses this deletion, the events are delivered
        # again.
        self._db.execute(f"pragma synchronous = {'normal' if self._durable else 'off'}")
        self._db.execute("delete from events where sequence <= ?", (waiting[-1][0],))
        self._db.execute(f"pragma synchronous = {'full' if self._durable else 'off'}")

    def _recover(self) -> None:
        """After a crash: move events to the journal, and remove blobs that are not in the catalogue."""
        with self._lock:
            self._db.execute("delete from uploads where finished < ?", (time.time() - _REMEMBERED,))
            self._flush_events()
            named = set(self._column("select blob from pieces union all select blob from parts"))
        self.blobs.remove([name for name in self.blobs.names() if name not in named])

    def _find(self, key: str) -> StoredObject | None:
        row = self._db.execute(
            """
            select key, version, size, etag, modified, algorithm, checksum, headers
              from objects
             where key = ?
            """,
            (key,),
        ).fetchone()
        return None if row is None else _object(row)

    def _upload(self, upload_id: str, key: str) -> Upload:
        row = self._db.execute(
            """
            select id, key, initiated, algorithm, headers
              from uploads
             where id = ? and key = ? and finished is null
            """,
            (upload_id, key),
        ).fetchone()
        if row is None:
            raise S3Error("NoSuchUpload", UploadId=upload_id)
        return _open_upload(row)

    def _column(self, statement: str, *values: object) -> list[str]:
        return [row[0] for row in self._db.execute(statement, values)]


def _open_database(file: Path, *, durable: bool) -> sqlite3.Connection:
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=1)
    try:
        db.execute("pragma locking_mode = exclusive")  # a second server on the same folder fails here
        db.execute("pragma journal_mode = wal")
        db.execute(f"pragma synchronous = {'full' if durable else 'off'}")
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _check_parts(
    upload: Upload, listed: tuple[ListedPart, ...], stored: Mapping[int, tuple[int, str, str]]
) -> None:
    """Check the listed parts of an upload against the stored ones. `stored`: number -> size, ETag, checksum.

    Raises S3Error: InvalidPartOrder, InvalidPart when a part is missing or differs, EntityTooSmall when a
    part other than the last is below the minimum size.
    """
    if any(second.number <= first.number for first, second in pairwise(listed)):
        raise S3Error("InvalidPartOrder", UploadId=upload.id)
    for part in listed:
        size, etag, value = stored.get(part.number, (0, "", ""))
        if etag != part.etag or any(checksum != (upload.algorithm, value) for checksum in part.checksums):
            raise S3Error("InvalidPart", UploadId=upload.id, PartNumber=part.number, ETag=part.etag)
    for part in listed[:-1]:
        size, etag, _ = stored[part.number]
        if size < MIN_PART:
            raise S3Error(
                "EntityTooSmall",
                ProposedSize=size,
                MinSizeAllowed=MIN_PART,
                PartNumber=part.number,
                ETag=etag,
            )


def _check_declared(
    checksum: Checksum, size: int, declared: Checksum | None, declared_size: int | None
) -> None:
    if declared_size is not None and declared_size != size:
        raise S3Error(
            "InvalidRequest",
            f"The provided 'x-amz-mp-object-size' header value {declared_size} does not match what was "
            f"computed: {size}",
        )
    if declared is not None and declared.algorithm != checksum.algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {checksum.algorithm.lower()}, "
            f"actual checksum Type: {declared.algorithm.lower()}",
        )
    if declared is not None and declared != checksum:
        raise S3Error(
            "BadDigest", f"The {checksum.algorithm} you specified did not match the calculated checksum."
        )


def _digests(chunks: Iterable[bytes], algorithm: str) -> tuple[str, Checksum]:
    digests = Digests(("MD5", algorithm))
    for chunk in chunks:
        digests.update(chunk)
    return digests["MD5"].hex(), digests.checksum(algorithm)


def _end_of(prefix: str) -> str | None:
    """The first key after all keys that start with the prefix; None: there is no such key."""
    head = prefix.rstrip("\U0010ffff")
    if not head:
        return None
    following = ord(head[-1]) + 1
    # surrogates are skipped: they are no characters
    return head[:-1] + chr(0xE000 if following == 0xD800 else following)


def _object(row: tuple[Any, ...]) -> StoredObject:
    key, version, size, etag, modified, algorithm, checksum, headers = row
    return StoredObject(
        key, version, size, etag, modified, Checksum(algorithm, checksum), json.loads(headers)
    )


def _open_upload(row: tuple[Any, ...]) -> Upload:
    upload_id, key, initiated, algorithm, headers = row
    return Upload(upload_id, key, initiated, algorithm, json.loads(headers))
