"""The door: `endpoint` makes an ASGI app of a function, so that request -> caller -> function -> dialect ->
response is said once.

    @endpoint(studio, operation="media.read", item=("mediaId", "media"), returns=studio.OneMedia)
    def app(request: Request, caller: Caller) -> Answer: ...

    handler = Mangum(app, lifespan="off")

The first line of the handler's module names its routes; the path's variables are taken from it where no
gateway has taken them already.
Headers that every answer carries, CORS among them, have their home here. Logs hold ids, never bodies, keys,
queries or links.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
import uuid
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, cast
from urllib.parse import parse_qsl, quote

import anyio.to_thread
from pydantic_core import from_json, to_json
from starlette.requests import Request as HttpRequest
from typing_extensions import TypeVar

from vitrine import auth
from vitrine.delivery import Links
from vitrine.dialects import Answer, MethodNotAllowed
from vitrine.errors import ApiError, Busy, Conflict, Invalid, NotFound, TooLarge, TooManyRequests, WrongOrigin
from vitrine.models.people import Nobody
from vitrine.permissions import PERMISSIONS
from vitrine.settings import settings
from vitrine.texts import composed
from vitrine.urls import in_header

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.metrics import EphemeralMetrics
    from pydantic import BaseModel
    from starlette.datastructures import Headers
    from starlette.types import Receive, Scope, Send

    from vitrine.dialects import Dialect
    from vitrine.http.forms import Form
    from vitrine.models.people import Caller, ItemKind, Person
    from vitrine.permissions import Tier

B = TypeVar("B", default=None)
Q = TypeVar("Q", default=None)
T = TypeVar("T")

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-xss-protection": "1; mode=block",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    # of what is no page; a page says its own
    "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
}
HSTS = "max-age=31536000"  # a year, of this host alone: what else lies under its domain is not ours to decide
EXPOSED = (  # headers that a page of another origin may read
    "etag, location, retry-after, x-request-id, idempotency-replayed, "
    "ratelimit, ratelimit-policy, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset"
)
ACCEPTED = "authorization, content-type, if-match, x-api-key, x-team-id, idempotency-key"
PREFLIGHT_SECONDS = "7200"  # the most that Chromium keeps one

# Mangum logs each path, and a permanent link's path holds its token.
logging.getLogger("mangum.http").setLevel(logging.WARNING)


SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Item(NamedTuple):
    """What a request is about, and where it is named: a variable of the path, or a field of the query or
    body (`metadata.datasetId`).
    """

    name: str
    kind: ItemKind
    where: Literal["path", "query", "body"] = "path"
    organization: str = ""  # the field of query or body that may name an organization outright; "": none


class Choice(NamedTuple):
    """A field of the body that says which operation of several a request is: the permission asked for is
    that operation's.
    """

    field: str
    operations: Mapping[str, str]  # by the field's value; of any other, the endpoint's own


@dataclass(frozen=True, slots=True)
class Spec:
    """What an endpoint is, for those who read it without running it: OpenAPI, tests."""

    dialect: Dialect
    operation: str | None  # None: public
    routes: tuple[tuple[str, str], ...]  # (method, path)
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    returns: Any  # a TypedDict or another type that pydantic can describe; None: no JSON
    status: int
    item: Item | None
    docstring: str
    tier: Tier | None = None  # of a public endpoint: what its callers' addresses are counted for
    mints_secret: bool = False  # its answer is shown once and never kept: no Idempotency-Key
    # what a browser may do from our pages only: a GET that signs in by a cookie, a public POST
    writes: bool = False
    forms: bool = False  # its body may also be a form's fields, as OAuth has them
    files: int = 0  # how many its body, multipart/form-data, may bring; 0: the body is no such form
    many: str = ""  # the name that all of these have; "": each its own, and then no Idempotency-Key
    choice: Choice | None = None
    # its rate limit is one of guesses: a request that is right is not counted in the end
    failures_only: bool = False

    @property
    def name(self) -> str:
        """Of the endpoint, in logs and metrics."""
        return " ".join(self.routes[0]) if self.routes else "$default"

    def takes_idempotency_key(self, method: str) -> bool:
        """A form's of files with names of their own does not."""
        return method == "POST" and not self.mints_secret and bool(self.many or not self.files)


@dataclass(slots=True)
class _Used:
    """The rate limit that a request has used, and the cookies that its answer sets for the caller. Both
    go into errors, too.
    """

    use: auth.Use | None = None
    cookies: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        return _limits_shown(self.use)

    def take_back(self) -> None:
        """Remove the request from its count."""
        if self.use is not None:
            with suppress(ApiError):  # the request itself is done
                self.use = self.use.take_back()


class Request(Generic[B, Q]):
    """What a handler sees of a request: parsed and bounded."""

    def __init__(
        self,
        spec: Spec,
        http: HttpRequest,
        variables: Mapping[str, str],
        body: B,
        query: Q,
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._spec, self._http, self._variables, self._body, self._query = spec, http, variables, body, query
        # files of a form that its model has no place for: (the part's name, the file's)
        self.skipped = skipped
        self.links = Links(self.origin)

    def id(self, name: str) -> uuid.UUID:
        """A variable of the path. Raises NotFound when it is no id: then there is no such thing."""
        found = self._spec.dialect.parse_id(self._variables.get(name, ""))
        if found is None:
            raise NotFound(self._spec.dialect.missing[self._spec.item.kind if self._spec.item else "media"])
        return found

    def text(self, name: str) -> str:
        """A variable of the path, decoded; empty when there is none."""
        return self._variables.get(name, "")

    def body(self) -> B:
        return self._body

    def query(self) -> Q:
        return self._query

    @property
    def method(self) -> str:
        return self._http.method

    @property
    def path(self) -> str:
        """Decoded. Not the URL's, in which Starlette encodes `?` and `#` and drops control characters."""
        return str(self._http.scope["path"])

    @property
    def query_string(self) -> str:
        """As it was sent."""
        return self._http.url.query

    @property
    def headers(self) -> Headers:
        return self._http.headers

    @property
    def address(self) -> str:
        """Of the client, as the gateway or the server saw it, or the proxy that the settings name."""
        return _address(self._http)

    @property
    def largest_form(self) -> int:
        """Bytes that a form may hold here, files and all."""
        return _largest_form(self._http)

    @property
    def origin(self) -> str:
        """Of this API, as the client reaches it; no trailing slash."""
        return origin_of(self._http)

    @property
    def secure(self) -> bool:
        """By https, as the client reaches it."""
        return self.origin.startswith("https:")

    @property
    def tokens(self) -> tuple[str, ...]:
        """What may be a session's token, in the order in which they count: Bearer, then cookie."""
        return auth.session_tokens(self._http.headers, self._http.cookies, secure=self.secure)

    @property
    def cookie(self) -> str | None:
        """The one of these that a browser brought along by itself."""
        return self._http.cookies.get(auth.session_cookie(secure=self.secure))


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
        http = HttpRequest(scope)
        request_id = _request_id(scope)
        if self.spec.files:
            answer = await self._of_form(http, receive, request_id)
        else:
            raw = await _body(http, receive) if self.spec.body else b""
            answer = None if raw is None else await _aside(http, partial(self._answer, http, raw, request_id))
        if answer is None:
            return  # the client went away

        content, headers = _spelled(http, answer, request_id)
        status = answer.status or self.spec.status
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if http.method == "HEAD" else content})
        _record(
            self.spec,
            request_id,
            status,
            (time.perf_counter() - began) * 1000,
            in_lambda="aws.event" in scope,
        )

    async def _of_form(self, http: HttpRequest, receive: Receive, request_id: str) -> Answer | None:
        """Where the body streams, who asks is judged as soon as a file begins, by the fields before it:
        nobody else's is kept. What is refused is
        read to its end all the same, or the client would hear nothing. None: the client went away.
        """
        from vitrine.http.forms import Form  # few functions take forms: no other pays for the parser

        most = _largest_form(http)
        used = _Used()
        judged: Caller | Person | Nobody | Exception | None = None
        size, more, asked = 0, True, False
        with Form(http.headers.get("content-type", ""), files=self.spec.files, many=self.spec.many) as form:
            while more and size <= 2 * most:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                chunk, more = message.get("body", b""), message.get("more_body", False)
                size += len(chunk)
                if size > most:
                    form.give_up()
                form.feed(chunk)
                if more and form.in_file and not asked:
                    asked, judged = True, await _aside(http, partial(self._judged, http, form.fields, used))
                    if isinstance(judged, Exception):
                        form.give_up()
            if size > most:
                return await _aside(http, partial(self._answer, http, _too_large(most), request_id))
            form.end()
            return await _aside(http, partial(self._answer, http, b"", request_id, form, judged, used))

    def _judged(
        self, http: HttpRequest, fields: dict[str, str], used: _Used
    ) -> Caller | Person | Nobody | Exception | None:
        """Who asks, or why it is refused. None: it is somebody, and the rest is judged once the form has
        named its item.
        """
        item = self.spec.item
        named = item is None or item.where != "body" or item.name in fields
        try:
            who = self._who(
                http,
                _variables(http.scope, self.spec.routes),
                dict(http.query_params),
                fields,
                used,
                in_organization=named,
            )
        except Exception as error:  # said once the form is read
            return error
        return who if named else None

    def _answer(
        self,
        http: HttpRequest,
        raw: bytes | TooLarge,
        request_id: str,
        form: Form | None = None,
        judged: Caller | Person | Nobody | Exception | None = None,
        used: _Used | None = None,
    ) -> Answer:
        dialect = self.dialect(http.url.path)
        used = _Used() if used is None else used
        try:
            if isinstance(judged, Exception):
                raise judged
            result = self._result(http, raw, used, form, judged)
            said = result if isinstance(result, Answer) else Answer(result)
            if self.spec.failures_only:
                used.take_back()
        except ApiError as error:
            # Busy (not decided), Conflict (right, and done before) and TooManyRequests (stopped by another
            # limit) are no failed guesses. A request
            # over the limit is not counted either: the window stays used up by the failures in it, and many
            # right requests at once do not use it
            # up.
            undecided = isinstance(error, (Busy, Conflict, TooManyRequests))
            if self.spec.failures_only and (
                undecided or (used.use is not None and used.use.hits > used.use.allowed)
            ):
                used.take_back()
            said = dialect.error_answer(error, self.spec.operation)
        except Exception:  # whatever it is, the client learns nothing of it
            _logger().exception("fault", extra={"endpoint": self.spec.name, "request_id": request_id})
            said = dialect.internal_error(request_id, self.spec.operation)
        names = {cookie.partition("=")[0] for cookie in said.cookies}
        cookies = (
            *said.cookies,
            *(cookie for cookie in used.cookies if cookie.partition("=")[0] not in names),
        )
        if said.body is None or isinstance(said.body, (bytes, str)):
            return replace(said, headers={**used.headers, **said.headers}, cookies=cookies)
        headers = {"content-type": "application/json", **used.headers, **said.headers}
        return replace(said, body=to_json(said.body), headers=headers, cookies=cookies)

    def _result(
        self,
        http: HttpRequest,
        raw: bytes | TooLarge,
        used: _Used,
        form: Form | None,
        judged: Caller | Person | Nobody | None,
    ) -> object:
        spec = self.spec
        if isinstance(raw, TooLarge):
            raise raw
        variables = _variables(http.scope, spec.routes)
        values = dict(http.query_params)  # of a repeated parameter the last counts
        document = (
            form.document if form else _parsed(raw, form=spec.forms and _is_form(http)) if spec.body else None
        )
        who = self._who(http, variables, values, document, used) if judged is None else judged
        if isinstance(document, Invalid):
            raise document
        if any("\x00" in text for text in variables.values()):
            # nothing has such a name
            raise NotFound(
                spec.dialect.missing[spec.item.kind] if spec.item else "There is nothing at this address"
            )
        if any("\x00" in text for text in (*values, *values.values())):
            raise Invalid("A text holds a character that cannot be stored")
        if form is not None and form.error is not None:
            raise form.error
        document, values = composed(document, spec.body), composed(values, spec.query)
        request = Request[Any, Any](
            spec,
            http,
            variables,
            body=spec.dialect.read_body(spec.body, document) if spec.body else None,
            query=spec.dialect.read_query(spec.query, values) if spec.query else None,
            skipped=form.skipped if form else (),
        )
        key = http.headers.get("idempotency-key") if spec.takes_idempotency_key(http.method) else None
        if key is None or isinstance(who, Nobody):
            return self._function(request, who)
        from vitrine import idempotency  # few requests have a key: their first one pays, and no cold start

        def work(links: Links) -> object:
            request.links = links
            return self._function(request, who)

        # The fingerprint covers the composed request, so that another Unicode form or other white space does
        # not make it another request.
        said = (
            to_json((http.url.path, values, document))
            if form is None
            else to_json((http.url.path, values)) + form.said()
        )
        return idempotency.once(who, spec.name, key, said, work, origin=request.origin)

    def _who(
        self,
        http: HttpRequest,
        variables: Mapping[str, str],
        values: Mapping[str, str],
        document: object,
        used: _Used,
        *,
        in_organization: bool = True,
    ) -> Caller | Person | Nobody:
        """Who asks, admitted. Without `in_organization` only that it is somebody whose credential reaches."""
        spec = self.spec
        if spec.operation is None and spec.writes and "origin" in http.headers and not _from_our_page(http):
            raise WrongOrigin("A browser may ask this from a page of this origin, or of an allowed one")
        if spec.tier is not None:
            use = auth.count(spec.dialect, spec.tier, _address(http))
            used.use = use
            if use is not None:
                use.check()
        if spec.operation is None:
            return Nobody()
        named = None if spec.item is None else _named(spec.item, variables, values, document)
        about = None if spec.item is None or named is None else _about(spec, spec.item, named)
        organization = (
            _named(spec.item._replace(name=spec.item.organization), variables, values, document)
            if spec.item and spec.item.organization
            else None
        )
        permission = PERMISSIONS[_operation(spec.operation, spec.choice, document)]
        if not in_organization:
            permission = replace(permission, roles=None)
        secure = origin_of(http).startswith("https:")
        known = auth.identify(
            spec.dialect,
            permission,
            http.headers,
            http.cookies,
            address=_address(http),
            secure=secure,
            about=about,
            organization=organization,
        )
        used.use = known.use
        if known.stale_choice:
            used.cookies = (auth.active_team(None, secure=secure),)
        return auth.admit(
            known,
            spec.dialect,
            permission,
            about=about,
            from_our_page=not (spec.writes or http.method not in SAFE) or _from_our_page(http),
        )


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
    writes: bool = False,
    forms: bool = False,
    files: int = 0,
    many: str = "",
    choice: Choice | None = None,
    failures_only: bool = False,
) -> Callable[[Callable[[Request[Any, Any], Any], object]], Endpoint]:
    """The decorated function, given a Request and a Caller (a Person where the permission names no roles,
    Nobody where `public`), as an ASGI app.

    It returns what `returns` says, or an Answer of it with headers and a status of its own. It may raise any
    Refusal.
    """
    if (operation is None) != public:
        raise ValueError("An endpoint has an operation of the permission table, or is public")
    if tier is not None and not public:
        raise ValueError("The permission table says the tier of whatever is not public")

    about = Item(item[0], item[1]) if item and not isinstance(item, Item) else item

    def app(function: Callable[[Request[Any, Any], Any], object]) -> Endpoint:
        _set_event_loop()
        docstring = sys.modules[function.__module__].__doc__ or ""
        routes = _routes(function.__doc__ or "") or _routes(docstring)
        return Endpoint(
            function,
            Spec(
                dialect,
                operation,
                routes,
                body,
                query,
                returns,
                status,
                about,
                docstring,
                tier,
                mints_secret,
                writes,
                forms,
                files,
                many,
                choice,
                failures_only,
            ),
        )

    return app


def _set_event_loop() -> None:
    """Give this thread an event loop where it has none. Mangum takes the thread's loop with
    `asyncio.get_event_loop()`, in its constructor and
    for each request, and Python warns since 3.12 where that call has to make one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            asyncio.get_event_loop()
        except RuntimeError:  # not the main thread; from Python 3.14 on, any thread
            asyncio.set_event_loop(asyncio.new_event_loop())


# What a request says.


def _operation(own: str, choice: Choice | None, document: object) -> str:
    if choice is None or not isinstance(document, dict):
        return own
    chosen = cast("dict[str, object]", document).get(choice.field)
    return choice.operations.get(chosen, own) if isinstance(chosen, str) else own


def _routes(docstring: str) -> tuple[tuple[str, str], ...]:
    """The routes that the first line names: `GET /api/docs and GET /api/docs/{file} - ...`."""
    said = docstring.partition("\n")[0].partition(" - ")[0]
    return tuple((method, path) for method, path in re.findall(r"([A-Z]+) (/\S*?)(?=,|\s|$)", said))


def _variables(scope: Scope, routes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Of the path: from API Gateway's event, from a router's scope, or from the route itself, which is
    all a test has.
    """
    given = scope.get("aws.event", scope).get("pathParameters", scope.get("path_params"))
    if given is not None:
        return dict(given)
    segments = scope["path"].split("/")
    for _, path in routes:
        pattern = path.split("/")
        if len(pattern) == len(segments) and all(
            p == s or p.startswith("{") for p, s in zip(pattern, segments, strict=True)
        ):
            return {p.strip("{}"): s for p, s in zip(pattern, segments, strict=True) if p.startswith("{")}
    return {}


async def _aside(http: HttpRequest, work: Callable[[], T]) -> T:
    """In a thread. In Lambda, where there is one request at a time, a thread would gain nothing."""
    return work() if "aws.event" in http.scope else await anyio.to_thread.run_sync(work)


async def _body(http: HttpRequest, receive: Receive) -> bytes | TooLarge | None:
    """None when the client went away before all of it was there.

    A body over the limit is read all the same, up to twice the limit, and not kept: a client that sends
    before it listens would have its connection
    reset and no answer. One that waits to be asked for the body (`Expect`), or is to send more than that, is
    answered at once.
    """
    most = settings().max_body_bytes
    length = http.headers.get("content-length", "")
    # a longer text takes long to read
    announced = 0 if not length.isdecimal() else int(length) if len(length) < 19 else sys.maxsize
    if announced > (most if "expect" in http.headers else 2 * most):
        return _too_large(most)
    whole, size, more = bytearray(), 0, True
    while more and size <= 2 * most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= most:
            whole += chunk
    return bytes(whole) if max(size, announced) <= most else _too_large(most)


def _largest_form(http: HttpRequest) -> int:
    """Return the most bytes that a form may have: `form_max_bytes`, and in Lambda no more than an event
    carries.

    Whatever reports this limit calls this function.
    """
    chosen = settings()
    return (
        min(chosen.form_max_bytes, chosen.max_body_bytes)
        if "aws.event" in http.scope
        else chosen.form_max_bytes
    )


def largest_body(most: int) -> str:
    """The sentence for a limit of `most` bytes, which the error and the API's description have in common."""
    return f"The body of a request may hold {most} bytes; larger files go through the upload protocol at /api/upload"


def _too_large(most: int) -> TooLarge:
    return TooLarge(largest_body(most))


def _is_form(http: HttpRequest) -> bool:
    return (
        http.headers.get("content-type", "").partition(";")[0].strip().lower()
        == "application/x-www-form-urlencoded"
    )


def _parsed(raw: bytes, *, form: bool) -> Any:
    """The JSON of a body or the fields of a form, {} for an empty one; an Invalid, not raised, where it
    is neither: who asks is judged first.
    """
    if not raw.strip():
        return {}
    if form:
        return _fields(raw)
    try:
        document = from_json(raw, allow_inf_nan=False)
    except ValueError:  # not JSON, not UTF-8, or nested too deeply
        return Invalid("The body is not valid JSON")
    if b"\\u0000" in raw and _contains_nul(document):
        return Invalid("A text holds a character that cannot be stored")
    return document


def _fields(raw: bytes) -> dict[str, str] | Invalid:
    try:
        # what has no value counts as absent
        fields = dict(
            parse_qsl(raw.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=100)
        )
    except ValueError:  # not a form's, not UTF-8, or too many
        return Invalid("The body is not the fields of a form")
    return Invalid("A text holds a character that cannot be stored") if _contains_nul(fields) else fields


def _contains_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(
            _contains_nul(key) or _contains_nul(inner)
            for key, inner in cast("dict[str, object]", value).items()
        )
    return isinstance(value, list) and any(map(_contains_nul, cast("list[object]", value)))


def _named(
    item: Item, variables: Mapping[str, str], values: Mapping[str, str], document: object
) -> str | None:
    """What the request says there; None when it says nothing (a path's variable is always said)."""
    if item.where == "path":
        return variables.get(item.name, "")
    first, *rest = item.name.split(".")
    if item.where == "query":
        found: object = values.get(first + "".join(f"[{name}]" for name in rest))
    else:
        found = document
        for name in (first, *rest):
            found = cast("dict[str, object]", found).get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found not in ("", "null") and "\x00" not in found else None


def _about(spec: Spec, item: Item, named: str) -> auth.About | None:
    if item.kind == "upload_key":
        return auth.About(item.kind, None, named, in_path=False)
    found = spec.dialect.parse_id(named)
    if found is None and item.where != "path":
        return None  # a malformed id in a body or query is 400, said by its model
    return auth.About(item.kind, found, None, in_path=item.where == "path")


def _request_id(scope: Scope) -> str:
    event = scope.get("aws.event") or {}
    given = event.get("requestContext", {}).get("requestId") or getattr(
        scope.get("aws.context"), "aws_request_id", None
    )
    return str(given or uuid.uuid4().hex)


def origin_of(http: HttpRequest) -> str:
    """The public origin of this API: the setting, else where this request arrived."""
    return settings().origin or f"{http.url.scheme}://{http.headers.get('host') or http.url.netloc}"


# What an answer carries.


def _spelled(http: HttpRequest, answer: Answer, request_id: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    content = (
        answer.body.encode()
        if isinstance(answer.body, str)
        else answer.body
        if isinstance(answer.body, bytes)
        else b""
    )
    secure = {"strict-transport-security": HSTS} if origin_of(http).startswith("https:") else {}
    headers = {
        **SECURITY,
        **secure,
        "cache-control": "no-store",
        "vary": "Origin",
        **_cors(http),
        **answer.headers,
        "x-request-id": request_id,
    }
    if answer.status not in (204, 304):
        headers["content-length"] = str(len(content))
    spelled = [*headers.items(), *(("set-cookie", cookie) for cookie in answer.cookies)]
    return content, [(name.encode("ascii"), _header_value(name, value)) for name, value in spelled]


def _header_value(name: str, value: str) -> bytes:
    """Return the value as visible ASCII and spaces. Then nothing in it can end the header, and clients cannot
    differ in its encoding.

    URLs are percent-encoded. In other values each character beyond ASCII becomes a question mark, and control
    characters are removed.
    """
    if name in ("location", "content-location"):
        value = in_header(value)
    return (
        re.sub(r"[^\x20-\x7e]", "", value.encode("ascii", "replace").decode("ascii")).strip().encode("ascii")
    )


def _limits_shown(use: auth.Use | None) -> dict[str, str]:
    """Of the rate limit: the v1 API's own headers (the reset in milliseconds, as it has it), and those of
    the IETF's draft.
    """
    if use is None:
        return {}
    name = use.limit.name.replace("_", "-")
    return {
        "x-ratelimit-limit": str(use.allowed),
        "x-ratelimit-remaining": str(use.remaining),
        "x-ratelimit-reset": str(int(use.resets_at.timestamp() * 1000)),
        "ratelimit-policy": f'"{name}";q={use.allowed};w={use.limit.seconds}',
        "ratelimit": f'"{name}";r={use.remaining};t={use.retry_after}',
    }


def _cors(http: HttpRequest) -> dict[str, str]:
    """Only for origins that are ours or allowed; never a star, since cookies are credentials."""
    origin = http.headers.get("origin")
    if origin is None or not _allowed(http, origin):
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": EXPOSED,
    }


def _allowed(http: HttpRequest, origin: str) -> bool:
    return origin in (*settings().allowed_origins, origin_of(http))


def _from_our_page(http: HttpRequest) -> bool:
    """A browser says which page a request comes from, and no page can make it lie: by Origin on writes,
    by Sec-Fetch-Site on what has no Origin.
    """
    origin = http.headers.get("origin")
    return (
        _allowed(http, origin) if origin is not None else http.headers.get("sec-fetch-site") == "same-origin"
    )


def _address(http: HttpRequest) -> str:
    """The client's address, as the gateway or the server reports it. A header counts only from the proxy
    that the settings name.
    """
    return auth.client_address(http.headers, http.client.host if http.client else "")


# What no route takes.


def fallback(routes: Collection[str], dialects: Mapping[str, Dialect]) -> Endpoint:
    """An app that answers 404, 405 with Allow, OPTIONS and preflights, and v1's trailing slash; in the
    dialect of the longest prefix that fits.

    `routes` are spelled as the gateway spells them: `GET /api/me`.
    """
    known = [(method, path.split("/")) for method, _, path in (route.partition(" ") for route in routes)]

    def answer(request: Request, _: Nobody) -> Answer:
        path = request.path
        if path.startswith("/api/v1/") and path.endswith("/"):
            query = f"?{request.query_string}" if request.query_string else ""
            return Answer(None, 308, {"location": quote(path.rstrip("/")) + query})
        methods = _methods(known, path)
        if not methods:
            raise NotFound("There is nothing at this address")
        if request.method == "OPTIONS":
            allow = ", ".join(sorted({*methods, "OPTIONS"}))
            return Answer(
                None,
                204,
                {
                    "allow": allow,
                    **(_preflight(allow) if "access-control-request-method" in request.headers else {}),
                },
            )
        raise MethodNotAllowed(request.method, ", ".join(sorted({*methods, "OPTIONS"})))

    class Fallback(Endpoint):
        def dialect(self, path: str) -> Dialect:
            return dialects[
                max((prefix for prefix in dialects if path.startswith(prefix)), key=len, default="/")
            ]

    return Fallback(answer, Spec(dialects["/"], None, (), None, None, None, 200, None, ""))


def _methods(known: Sequence[tuple[str, list[str]]], path: str) -> set[str]:
    """Of the route that fits this path most closely: a fixed segment goes before a variable one, from
    left to right.
    """
    segments = path.split("/")
    fitting = [
        ([part.startswith("{") for part in pattern], method)
        for method, pattern in known
        if len(pattern) == len(segments)
        and all(
            part == given or (part.startswith("{") and given)
            for part, given in zip(pattern, segments, strict=True)
        )
    ]
    closest = min((shape for shape, _ in fitting), default=None)
    return {method for shape, method in fitting if shape == closest}


def _preflight(methods: str) -> dict[str, str]:
    """What an answer to a preflight adds to what every answer carries."""
    return {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": ACCEPTED,
        "access-control-max-age": PREFLIGHT_SECONDS,
    }


# What is kept of a request. Powertools costs as much to import as all the rest: paid at the first record, not
# by every cold start's import.


def _record(spec: Spec, request_id: str, status: int, milliseconds: float, *, in_lambda: bool) -> None:
    _logger().info(
        "request",
        extra={
            "endpoint": spec.name,
            "request_id": request_id,
            "status": status,
            "milliseconds": round(milliseconds, 1),
        },
    )
    if in_lambda:  # CloudWatch reads metrics from the log; nobody else does
        metrics = _metrics()
        metrics.add_dimension("operation", spec.name)
        metrics.add_metric("Requests", "Count", 1)
        metrics.add_metric("Latency", "Milliseconds", milliseconds)
        metrics.flush_metrics()


@cache
def _logger() -> Logger:
    from aws_lambda_powertools import Logger

    return Logger()


def _metrics() -> EphemeralMetrics:
    from aws_lambda_powertools.metrics import EphemeralMetrics

    return EphemeralMetrics(namespace="Vitrine")
