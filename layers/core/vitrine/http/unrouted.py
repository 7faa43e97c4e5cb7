"""Requests that no route takes: 404, 405 with Allow, OPTIONS and preflights, and redirects of the v1 API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from vitrine.dialects import Answer, MethodNotAllowed
from vitrine.errors import NotFound
from vitrine.http import paths
from vitrine.http.cors import preflight_headers
from vitrine.http.endpoint import Endpoint
from vitrine.http.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from vitrine.dialects import Dialect
    from vitrine.http.request import Request
    from vitrine.models.people import Nobody


def fallback(routes: Collection[str], dialects: Mapping[str, Dialect]) -> Endpoint:
    """Return an app that answers 404 and 405, OPTIONS and preflights, and redirects a v1 path with a slash at
    its end, in the dialect of the longest prefix that the path begins with.

    `routes` are those of the gateway, in its own format: `GET /api/me`. `dialects` are by prefix; `/` is one.
    """
    known = [(method, path) for method, _, path in (route.partition(" ") for route in routes)]

    def answer(request: Request, _: Nobody) -> Answer:
        path = request.path
        if path.startswith("/api/v1/") and path.endswith("/"):
            query = f"?{request.query_string}" if request.query_string else ""
            return Answer(None, 308, {"location": quote(path.rstrip("/")) + query})
        methods = _methods(known, path)
        if not methods:
            raise NotFound(paths.NO_ROUTE)
        allow = ", ".join(sorted({*methods, "OPTIONS"}))
        if request.method != "OPTIONS":
            raise MethodNotAllowed(request.method, allow)
        is_preflight = "access-control-request-method" in request.headers
        return Answer(None, 204, {"allow": allow, **(preflight_headers(allow) if is_preflight else {})})

    return _Unrouted(answer, dialects)


class _Unrouted(Endpoint):
    def __init__(
        self, function: Callable[[Request, Nobody], Answer], dialects: Mapping[str, Dialect]
    ) -> None:
        super().__init__(function, Spec(dialect=dialects["/"]))
        self._dialects = dialects

    def dialect(self, path: str) -> Dialect:
        prefixes = (prefix for prefix in self._dialects if path.startswith(prefix))
        return self._dialects[max(prefixes, key=len, default="/")]


def _methods(routes: Collection[tuple[str, str]], path: str) -> set[str]:
    """Return the methods of the routes that match the path most closely; none where no route does."""
    matching = [
        (paths.rank(pattern), method) for method, pattern in routes if paths.match(pattern, path) is not None
    ]
    closest = min((rank for rank, _ in matching), default=None)
    return {method for rank, method in matching if rank == closest}
