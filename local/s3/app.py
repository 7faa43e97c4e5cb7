"""The server as an ASGI app: who asks, for which operation, and what is told about it. The operations are
in objects.py, uploads.py and post.py.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.s3 import cors, documents, objects, post, uploads
from local.s3.call import Call, Operation
from local.s3.errors import S3Error
from local.s3.settings import Settings
from local.s3.signatures import Verifier
from local.s3.store import Store

_log = logging.getLogger("local.s3")

# By method, whether a key is named, and the parameters that tell operations apart (S3 calls them
# subresources).
_OPERATIONS: Mapping[tuple[str, str, frozenset[str]], Operation] = {
    ("HEAD", "bucket", frozenset[str]()): objects.head_bucket,
    ("GET", "bucket", frozenset({"list-type"})): objects.list_objects,
    ("GET", "bucket", frozenset({"uploads"})): uploads.list_uploads,
    ("POST", "bucket", frozenset[str]()): post.post_object,
    ("GET", "object", frozenset[str]()): objects.get_object,
    ("HEAD", "object", frozenset[str]()): objects.get_object,
    ("PUT", "object", frozenset[str]()): objects.put_or_copy_object,
    ("DELETE", "object", frozenset[str]()): objects.delete_object,
    ("POST", "object", frozenset({"uploads"})): uploads.create,
    ("PUT", "object", frozenset({"partNumber", "uploadId"})): uploads.put_part,
    ("GET", "object", frozenset({"uploadId"})): uploads.list_parts,
    ("POST", "object", frozenset({"uploadId"})): uploads.complete,
    ("DELETE", "object", frozenset({"uploadId"})): uploads.abort,
}

# Parameters that make another operation of a request; unknown ones are ignored, as S3 ignores them.
_SUBRESOURCES = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "delete",
        "delimiter",
        "encryption",
        "fetch-owner",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "list-type",
        "location",
        "logging",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "select-type",
        "session",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)


def application(settings: Settings) -> ASGIApp:
    """The store of `settings.root`, opened now and closed with the app's lifespan."""
    return _Application(settings)


class _Application:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._verifier = Verifier(settings.credentials, settings.region, time.time)
        self._store = Store(
            settings.root,
            bucket=settings.bucket,
            region=settings.region,
            notifications=settings.notifications,
            durable=settings.durable,
        )
        self._threads = ThreadPoolExecutor(8, "s3-disk")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                self._threads.shutdown()
                self._store.close()
            await send({"type": f"{event['type']}.complete"})
            if event["type"] == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)
        call = Call.of(scope, body, self._settings, self._store, self._verifier, self._threads)
        answer: ASGIApp
        try:
            answer = await self._answer(call)
        except S3Error as rejection:
            answer = _rejection(call, rejection)
        except ClientDisconnect:
            return
        except (OSError, sqlite3.Error):  # a full disk above all: nothing was committed
            _log.exception("%s %s failed", call.method, call.resource)
            answer = _rejection(call, S3Error("InternalError"))

        told = {"x-amz-request-id": call.request_id, "server": "vitrine-s3"}
        if call.method != "OPTIONS":
            told |= cors.granted(self._settings.cors, call.headers.get("origin"), call.method)
        if "100-continue" in call.headers.get("expect", "") and not body.asked_for:
            # the client holds its body back, and what comes next on this connection would be taken for it
            told["connection"] = "close"

        async def send_told(event: Message) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [
                    *event["headers"],
                    *((name.encode(), value.encode("latin-1")) for name, value in told.items()),
                ]
            await send(event)

        await answer(scope, receive, send_told)

    async def _answer(self, call: Call) -> ASGIApp:
        if call.bucket != self._settings.bucket:
            raise (
                S3Error("NoSuchBucket", BucketName=call.bucket)
                if call.bucket
                else S3Error("NotImplemented", "ListBuckets is not implemented")
            )
        if call.method == "OPTIONS":
            return Response(headers=cors.preflight(self._settings.cors, call.headers))

        subresources = frozenset(name for name in call.query if name in _SUBRESOURCES)
        operation = _OPERATIONS.get((call.method, "object" if call.key else "bucket", subresources))
        if operation is None and subresources:
            raise S3Error("NotImplemented", Parameter=", ".join(sorted(subresources)))
        if operation is None:
            raise S3Error(
                "MethodNotAllowed", Method=call.method, ResourceType="OBJECT" if call.key else "BUCKET"
            )
        if operation is not post.post_object:  # whose signature is in the form
            call.payload = self._verifier.verify(call.signed)
        return await operation(call)


class _Body:
    """`receive`, remembering whether anybody asked for the body."""

    def __init__(self, receive: Receive) -> None:
        self.asked_for = False
        self._receive = receive

    async def __call__(self) -> Message:
        self.asked_for = True
        return await self._receive()


def _rejection(call: Call, rejection: S3Error) -> Response:
    details: Iterable[documents.Element] = rejection.details.items()
    body = documents.error(rejection.code, rejection.message, details, call.resource, call.request_id)
    return Response(b"" if call.method == "HEAD" else body, rejection.status, media_type="application/xml")
