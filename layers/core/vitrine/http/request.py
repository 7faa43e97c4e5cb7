"""What a handler sees of a request: parsed, and bounded."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Generic

from typing_extensions import TypeVar

from vitrine import auth
from vitrine.delivery import Links
from vitrine.errors import NotFound
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette import requests
    from starlette.datastructures import Headers
    from starlette.types import Scope

    from vitrine.http.spec import Spec

B = TypeVar("B", default=None)
Q = TypeVar("Q", default=None)


class Request(Generic[B, Q]):
    """A request to an endpoint with the body model `B` and the query model `Q`; None without one."""

    def __init__(
        self,
        spec: Spec,
        http: requests.Request,
        variables: Mapping[str, str],
        body: B,
        query: Q,
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._spec, self._http, self._variables, self._body, self._query = spec, http, variables, body, query
        # files of a form that its model has no field for: (name of the part, name of the file)
        self.skipped = skipped
        self.links = Links(self.origin)

    def id(self, name: str) -> uuid.UUID:
        """Return the id in a variable of the path. Raises NotFound for a malformed one, which names
        no item.
        """
        parsed = self._spec.dialect.parse_id(self._variables.get(name, ""))
        if parsed is None:
            raise NotFound(self._spec.dialect.missing[self._spec.item.kind if self._spec.item else "media"])
        return parsed

    def text(self, name: str) -> str:
        """Return a variable of the path, decoded; empty when the path has none of this name."""
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
        """The decoded path. The path of Starlette's URL is another: it encodes `?` and `#` and drops control
        characters.
        """
        return str(self._http.scope["path"])

    @property
    def query_string(self) -> str:
        """The query as it was sent, without its question mark."""
        return self._http.url.query

    @property
    def headers(self) -> Headers:
        return self._http.headers

    @property
    def address(self) -> str:
        """The client's address."""
        return client_address(self._http)

    @property
    def max_form_bytes(self) -> int:
        """The limit of a form upload here, in bytes of the whole body."""
        return max_form_bytes(self._http)

    @property
    def origin(self) -> str:
        """The origin of this API, as the client reaches it; no trailing slash."""
        return origin_of(self._http)

    @property
    def secure(self) -> bool:
        """Whether the client reaches this API by https."""
        return self.origin.startswith("https:")

    @property
    def session_tokens(self) -> tuple[str, ...]:
        """The texts that may be a session's token, by precedence: Bearer, then the cookie."""
        return auth.session_tokens(self._http.headers, self._http.cookies, secure=self.secure)

    @property
    def session_cookie(self) -> str | None:
        """The value of the session's cookie; None when the client sent none."""
        return self._http.cookies.get(auth.session_cookie_name(secure=self.secure))


def runs_in_lambda(http: requests.Request) -> bool:
    return "aws.event" in http.scope


def request_id_of(scope: Scope) -> str:
    """Return the gateway's id of the request, or Lambda's, or a new one."""
    event = scope.get("aws.event") or {}
    known = event.get("requestContext", {}).get("requestId") or getattr(
        scope.get("aws.context"), "aws_request_id", None
    )
    return str(known or uuid.uuid4().hex)


def origin_of(http: requests.Request) -> str:
    """Return the public origin of this API: the setting, else the origin that this request was sent to."""
    return settings().origin or f"{http.url.scheme}://{http.headers.get('host') or http.url.netloc}"


def client_address(http: requests.Request) -> str:
    """Return the client's address as the gateway or server reports it, or as the proxy does that the settings
    name.
    """
    return auth.client_address(http.headers, http.client.host if http.client else "")


def max_form_bytes(http: requests.Request) -> int:
    """Return the limit of a form upload, in bytes of the whole body: `form_max_bytes`, and in Lambda no more
    than an event carries.

    Whatever reports this limit calls this function.
    """
    limits = settings()
    if runs_in_lambda(http):
        return min(limits.form_max_bytes, limits.max_body_bytes)
    return limits.form_max_bytes
