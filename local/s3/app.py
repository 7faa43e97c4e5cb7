"""The server as an ASGI app: it finds a request's operation, verifies its signature, and adds common headers.

The operations are in objects.py, uploads.py and post.py.
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

# By method, whether the path has a key, and the query parameters that select the operation (subresources).
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

# Query parameters that select another operation; S3 ignores unknown parameters.
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
    """The ASGI app. The store in `settings.root` is opened now and closed with the app's lifespan."""
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
            await self._run_lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
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
            answer = _error_response(call, rejection)
        except ClientDisconnect:
            return
        except (OSError, sqlite3.Error):  # mostly a full disk; nothing was committed
            _log.exception("%s %s failed", call.method, call.resource)
            answer = _error_response(call, S3Error("InternalError"))

        headers = {"x-amz-request-id": call.request_id, "server": "vitrine-s3"}
        if call.method != "OPTIONS":
            headers |= cors.response_headers(self._settings.cors, call.headers.get("origin"), call.method)
        if "100-continue" in call.headers.get("expect", "") and not body.requested:
            # the client has not sent the body; the next request on this connection would be read as that body
            headers["connection"] = "close"

        async def send_with_headers(event: Message) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [
                    *event["headers"],
                    *((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
                ]
            await send(event)

        await answer(scope, receive, send_with_headers)

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
        if operation is not post.post_object:  # its signature is in the form
            call.payload = self._verifier.verify(call.signed)
        return await operation(call)


class _Body:
    """A `receive` that records whether the body was requested."""

    def __init__(self, receive: Receive) -> None:
        self.requested = False
        self._receive = receive

    async def __call__(self) -> Message:
        self.requested = True
        return await self._receive()


def _error_response(call: Call, error: S3Error) -> Response:
    details: Iterable[documents.Element] = error.details.items()
    body = documents.error(error.code, error.message, details, call.resource, call.request_id)
    return Response(b"" if call.method == "HEAD" else body, error.status, media_type="application/xml")
