"""Endpoints: `endpoint` makes an ASGI app of a function. The app authorizes the caller, parses the request,
calls the function, and formats what it returns or raises in the words of its dialect.

    @endpoint(STUDIO, operation="media.read", item=("mediaId", "media"), returns=OneMedia)
    def app(request: Request, caller: Caller) -> Answer: ...

    handler = Mangum(app, lifespan="off")

The first line of the handler's module names its routes. The variables of the path are read with them where no
gateway has done so.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
import warnings
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread
from pydantic_core import to_json
from starlette import requests
from starlette.requests import ClientDisconnect

from vitrine.dialects import Answer
from vitrine.errors import (
    ApiError,
    Conflict,
    NotFound,
    ServiceUnavailable,
    TooLarge,
    TooManyRequests,
    UnstorableText,
)
from vitrine.http import bodies, headers, paths
from vitrine.http.admission import Admission, admit
from vitrine.http.logs import log_request, logger
from vitrine.http.request import Request, max_form_bytes, request_id_of, runs_in_lambda
from vitrine.http.spec import Choice, Item, Spec
from vitrine.models.people import Nobody
from vitrine.settings import settings
from vitrine.texts import compose_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from starlette.types import Receive, Scope, Send

    from vitrine.delivery import Links
    from vitrine.dialects import Dialect
    from vitrine.http.forms import Form
    from vitrine.models.people import ItemKind, Person
    from vitrine.permissions import Tier

__all__ = ["Choice", "Endpoint", "Item", "Request", "Spec", "endpoint"]

T = TypeVar("T")


def endpoint(
    dialect: Dialect,
    *,
    operation: str | None = None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    returns: Any = None,
    item: Item | tuple[str, ItemKind] | None = None,
    status: int = 200,
    public: bool = False,
    tier: Tier | None = None,
    mints_secret: bool = False,
    own_pages_only: bool = False,
    form_encoded: bool = False,
    max_files: int = 0,
    files_field: str = "",
    choice: Choice | None = None,
    failures_only: bool = False,
) -> Callable[[Callable[[Request[Any, Any], Any], object]], Endpoint]:
    """Decorate a function of a Request and a Caller as an ASGI app. It is called with a Person instead where
    the permission names no roles, and with Nobody where the endpoint is public. `Spec` describes the
    arguments.

    The function returns what `returns` describes, or an Answer with it, headers and a status. It may raise
    any ApiError. Raises ValueError for an endpoint that is neither public nor in the permission table, or
    both, and for a tier of one that is not public: the permission table has it.
    """
    if (operation is None) != public:
        raise ValueError("An endpoint has an operation of the permission table, or is public")
    if tier is not None and not public:
        raise ValueError("The tier of an endpoint that is not public stands in the permission table")

    def app(function: Callable[[Request[Any, Any], Any], object]) -> Endpoint:
        _set_event_loop()
        docstring = sys.modules[function.__module__].__doc__ or ""
        spec = Spec(
            dialect=dialect,
            operation=operation,
            routes=_routes(function.__doc__ or "") or _routes(docstring),
            body=body,
            query=query,
            returns=returns,
            status=status,
            item=Item(item[0], item[1]) if item and not isinstance(item, Item) else item,
            docstring=docstring,
            tier=tier,
            mints_secret=mints_secret,
            own_pages_only=own_pages_only,
            form_encoded=form_encoded,
            max_files=max_files,
            files_field=files_field,
            choice=choice,
            failures_only=failures_only,
        )
        return Endpoint(function, spec)

    return app


class Endpoint:
    """An ASGI app of one function."""

    def __init__(self, function: Callable[..., object], spec: Spec) -> None:
        self._function, self.spec = function, spec

    def dialect(self, path: str) -> Dialect:  # noqa: ARG002 - a path without a route may belong to any dialect
        return self.spec.dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        http, request_id = requests.Request(scope), request_id_of(scope)
        try:
            answer = await (self._answer_with_form if self.spec.max_files else self._answer_with_body)(
                http, receive, request_id
            )
        except ClientDisconnect:
            return

        content, response_headers = headers.response(http, answer, request_id)
        status = answer.status or self.spec.status
        await send({"type": "http.response.start", "status": status, "headers": response_headers})
        await send({"type": "http.response.body", "body": b"" if http.method == "HEAD" else content})
        milliseconds = (time.perf_counter() - began) * 1000
        log_request(self.spec.name, request_id, status, milliseconds, with_metrics=runs_in_lambda(http))

    async def _answer_with_body(self, http: requests.Request, receive: Receive, request_id: str) -> Answer:
        """Read a body in memory, and answer the request. Raises ClientDisconnect."""
        raw = b""
        if self.spec.body:
            try:
                raw = await bodies.read(http.headers, receive, limit=settings().max_body_bytes)
            except TooLarge as error:
                return self._reject(http, error)
        return await _in_thread(http, partial(self._answer_body, http, raw, request_id))

    async def _answer_with_form(self, http: requests.Request, receive: Receive, request_id: str) -> Answer:
        """Read a form as it streams in, and answer the request. Raises ClientDisconnect.

        The caller is authorized when the first file begins, by the fields before it: no file of anybody else
        is kept. A form that is rejected is read to its end all the same, within twice the limit, or its
        client would find the connection reset before it reads the answer.
        """
        from vitrine.http.forms import Form  # few functions have forms: no other one imports the parser

        limit = max_form_bytes(http)
        admission: Admission | None = None
        size = 0
        with Form(
            http.headers.get("content-type", ""),
            max_files=self.spec.max_files,
            files_field=self.spec.files_field,
        ) as form:
            async for chunk, more in bodies.chunks(receive, at_most=2 * limit):
                size += len(chunk)
                if size > limit:
                    form.discard()
                form.feed(chunk)
                if more and form.in_file and admission is None:
                    admission = await _in_thread(
                        http, partial(self._admit, http, form.fields, body_is_whole=False)
                    )
                    if admission.error is not None:
                        form.discard()
            if size > limit:
                return self._reject(http, bodies.too_large(limit))
            form.end()
            return await _in_thread(
                http, partial(self._answer_form, http, form, request_id, admission or Admission())
            )

    def _answer_body(self, http: requests.Request, raw: bytes, request_id: str) -> Answer:
        spec = self.spec
        body = bodies.Parsed(None)
        if spec.body:
            body = bodies.parse(raw, form_encoded=spec.form_encoded and bodies.is_form_encoded(http.headers))
        admission = self._admit(http, body.document)
        if admission.error is None and body.error is not None:
            admission = replace(admission, error=body.error)
        return self._answer(http, body.document, None, request_id, admission)

    def _answer_form(
        self, http: requests.Request, form: Form, request_id: str, admission: Admission
    ) -> Answer:
        document = form.document
        if not admission.is_complete:
            admission = self._admit(http, document, earlier=admission)
        return self._answer(http, document, form, request_id, admission)

    def _admit(
        self,
        http: requests.Request,
        document: object,
        *,
        body_is_whole: bool = True,
        earlier: Admission = Admission(),  # noqa: B008 - frozen
    ) -> Admission:
        return admit(
            self.spec,
            http,
            _variables(http.scope, self.spec.routes),
            _query(http),
            document,
            body_is_whole=body_is_whole,
            earlier=earlier,
        )

    def _answer(
        self,
        http: requests.Request,
        document: object,
        form: Form | None,
        request_id: str,
        admission: Admission,
    ) -> Answer:
        """Call the function where the request is admitted. Whatever is raised becomes an answer."""
        dialect, operation = self.dialect(http.url.path), self.spec.operation
        try:
            if admission.error is not None:
                raise admission.error
            result = self._call(http, document, form, admission.caller)
            answer = result if isinstance(result, Answer) else Answer(result)
            if self.spec.failures_only:
                admission = admission.uncounted()
        except ApiError as error:
            if self.spec.failures_only and not _is_failed_guess(error, admission):
                admission = admission.uncounted()
            answer = dialect.error_answer(error, operation)
        except Exception:  # the client learns nothing of it but the request's id
            logger().exception("internal error", extra={"endpoint": self.spec.name, "request_id": request_id})
            answer = dialect.internal_error(request_id, operation)
        # Without its error: the error's traceback refers to this frame, and would keep all of it alive.
        admission = replace(admission, error=None)
        return _completed(answer, admission)

    def _reject(self, http: requests.Request, error: TooLarge) -> Answer:
        """Answer a request whose body was not kept. Nobody has been authenticated."""
        answer = self.dialect(http.url.path).error_answer(error, self.spec.operation)
        return _completed(answer, Admission())

    def _call(
        self, http: requests.Request, document: object, form: Form | None, caller: Person | Nobody
    ) -> object:
        """Parse the request and call the function, once for an Idempotency-Key. Returns what it returned."""
        spec = self.spec
        variables, values = _variables(http.scope, spec.routes), _query(http)
        if any("\x00" in text for text in variables.values()):  # no item has such a name
            raise NotFound(spec.dialect.missing[spec.item.kind] if spec.item else paths.NO_ROUTE)
        if any("\x00" in text for text in (*values, *values.values())):
            raise UnstorableText
        if form is not None and form.error is not None:
            raise form.error
        document, values = compose_all(document, spec.body), compose_all(values, spec.query)
        request = Request[Any, Any](
            spec,
            http,
            variables,
            body=spec.dialect.read_body(spec.body, document) if spec.body else None,
            query=spec.dialect.read_query(spec.query, values) if spec.query else None,
            skipped=form.skipped if form else (),
        )
        key = http.headers.get("idempotency-key") if spec.accepts_idempotency_key(http.method) else None
        if key is None or isinstance(caller, Nobody):
            return self._function(request, caller)
        # Few requests have a key: the first one imports the module, and no cold start.
        from vitrine import idempotency

        def work(links: Links) -> object:
            request.links = links
            return self._function(request, caller)

        # The fingerprint is of the composed request, so that another Unicode form or other white space does
        # not make it another request.
        if form is None:
            fingerprint = to_json((http.url.path, values, document))
        else:
            fingerprint = to_json((http.url.path, values)) + form.fingerprint()
        return idempotency.run_once(caller, spec.name, key, fingerprint, work, origin=request.origin)


def _completed(answer: Answer, admission: Admission) -> Answer:
    """Return the answer with its body as JSON, and with the rate limit and the cookies of the admission.
    Headers and cookies of the answer replace those of the same name.
    """
    names = {cookie.partition("=")[0] for cookie in answer.cookies}
    cookies = (
        *answer.cookies,
        *(cookie for cookie in admission.cookies if cookie.partition("=")[0] not in names),
    )
    merged = {**headers.rate_limit_headers(admission.usage), **answer.headers}
    if answer.body is None or isinstance(answer.body, (bytes, str)):
        return replace(answer, headers=merged, cookies=cookies)
    merged = {"content-type": "application/json", **merged}
    return replace(answer, body=to_json(answer.body), headers=merged, cookies=cookies)


def _is_failed_guess(error: ApiError, admission: Admission) -> bool:
    """Whether the error counts against a limit of failed guesses.

    ServiceUnavailable decides nothing, Conflict follows a right guess that was made before, and
    TooManyRequests is another limit's. A request over the limit is not counted either: the window stays used
    up by the failures in it, and many right requests at the same time do not use it up.
    """
    if isinstance(error, (ServiceUnavailable, Conflict, TooManyRequests)):
        return False
    return admission.usage is None or admission.usage.hits <= admission.usage.allowed


def _set_event_loop() -> None:
    """Set an event loop for this thread where it has none. Mangum calls `asyncio.get_event_loop()` in its
    constructor and for each request, and since Python 3.12 a warning is raised where that call creates a
    loop.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            asyncio.get_event_loop()
        except RuntimeError:  # not the main thread; from Python 3.14 on, any thread
            asyncio.set_event_loop(asyncio.new_event_loop())


def _routes(docstring: str) -> tuple[tuple[str, str], ...]:
    """Return the routes that the first line names: `GET /api/docs and GET /api/docs/{file} - ...`."""
    first = docstring.partition("\n")[0].partition(" - ")[0]
    return tuple((method, path) for method, path in re.findall(r"([A-Z]+) (/\S*?)(?=,|\s|$)", first))


def _variables(scope: Scope, routes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the path's variables: from API Gateway's event, from a router's scope, or by the routes, which
    is all that a test has.
    """
    known = scope.get("aws.event", scope).get("pathParameters", scope.get("path_params"))
    if known is not None:
        return dict(known)
    matches = (
        paths.match(path, scope["path"]) for _, path in sorted(routes, key=lambda route: paths.rank(route[1]))
    )
    return next((variables for variables in matches if variables is not None), {})


def _query(http: requests.Request) -> dict[str, str]:
    """Return the query's parameters; of a repeated one the last value."""
    return dict(http.query_params)


async def _in_thread(http: requests.Request, work: Callable[[], T]) -> T:
    """Run blocking work in a thread. Lambda has one request at a time: there it runs in this one."""
    return work() if runs_in_lambda(http) else await anyio.to_thread.run_sync(work)
