"""Admission of a request: rate limit, authentication and authorization, before the handler is called."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from vitrine import auth
from vitrine.errors import ApiError, WrongOrigin
from vitrine.http.cors import is_from_allowed_page
from vitrine.http.request import client_address, origin_of
from vitrine.models.people import Nobody
from vitrine.permissions import PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass

    from starlette import requests

    from vitrine.http.spec import Choice, Item, Spec
    from vitrine.models.people import Person
else:
    from vitrine.records import dataclass

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))  # methods that change nothing (RFC 9110, 9.2.1)


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request may be carried out, and as whom. The rate limit and the cookies belong to every
    answer, an error's too.
    """

    caller: Person | Nobody = Nobody()
    error: Exception | None = None  # why it is rejected; None: it is admitted, or not completely checked yet
    is_complete: bool = False  # False: the body has not named the item yet, so its organization is unchecked
    usage: auth.RateLimitUsage | None = None  # of the limit that the request was counted for; None: of none
    cookies: tuple[str, ...] = ()  # Set-Cookie headers for the caller

    def uncounted(self) -> Admission:
        """Remove the request from its count. Returns the admission with the usage that is left."""
        if self.usage is None:
            return self
        with suppress(ApiError):  # the request itself is done, and its answer matters more
            return replace(self, usage=self.usage.uncount())
        return self


def admit(
    spec: Spec,
    http: requests.Request,
    variables: Mapping[str, str],
    query: Mapping[str, str],
    document: object,
    *,
    body_is_whole: bool = True,
    earlier: Admission = Admission(),  # noqa: B008 - frozen
) -> Admission:
    """Count, authenticate and authorize the request. Errors are returned, not raised.

    `document` is the body as far as it has been read. Without `body_is_whole` it may not name the item yet:
    then only the credential and its scope are checked, and the admission is not complete. `earlier` is the
    admission of the same request that was not complete.
    """
    item = spec.item
    item_is_known = (
        body_is_whole
        or item is None
        or item.where != "body"
        or item.name in cast("dict[str, object]", document)
    )
    usage, cookies = earlier.usage, earlier.cookies
    try:
        if (
            spec.operation is None
            and spec.own_pages_only
            and "origin" in http.headers
            and not is_from_allowed_page(http)
        ):
            raise WrongOrigin("A browser may ask this from a page of this origin, or of an allowed one")
        if spec.tier is not None:
            usage = auth.count_request(spec.dialect, spec.tier, client_address(http))
            if usage is not None:
                usage.check()
        if spec.operation is None:
            return Admission(Nobody(), None, True, usage, cookies)

        permission = PERMISSIONS[_operation(spec.operation, spec.choice, document)]
        if not item_is_known:
            permission = replace(permission, roles=None)
        secure = origin_of(http).startswith("https:")
        requested = None if item is None else _requested_item(spec, item, variables, query, document)
        identification = auth.identify(
            spec.dialect,
            permission,
            http.headers,
            http.cookies,
            address=client_address(http),
            secure=secure,
            item=requested,
            organization=_organization_named(item, variables, query, document),
        )
        usage = identification.usage
        if identification.has_stale_preference:
            cookies = (auth.active_team_cookie(None, secure=secure),)
        is_page_bound = spec.own_pages_only or http.method not in SAFE
        caller = auth.authorize(
            identification,
            spec.dialect,
            permission,
            item=requested,
            from_allowed_page=not is_page_bound or is_from_allowed_page(http),
        )
        return Admission(caller, None, item_is_known, usage, cookies)
    except Exception as error:  # an internal error is logged where the answer is made
        return Admission(Nobody(), error, True, usage, cookies)


def _operation(default: str, choice: Choice | None, document: object) -> str:
    if choice is None or not isinstance(document, dict):
        return default
    value = cast("dict[str, object]", document).get(choice.field)
    return choice.operations.get(value, default) if isinstance(value, str) else default


def _requested_item(
    spec: Spec, item: Item, variables: Mapping[str, str], query: Mapping[str, str], document: object
) -> auth.RequestedItem | None:
    """Return the item that the request names; None when a query or body names none, or none that is well
    formed: then its model reports 400.
    """
    name = _named(item, variables, query, document)
    if name is None:
        return None
    if item.kind == "upload_key":
        return auth.RequestedItem(item.kind, None, name, in_path=False)
    parsed = spec.dialect.parse_id(name)
    if parsed is None and item.where != "path":
        return None
    return auth.RequestedItem(item.kind, parsed, None, in_path=item.where == "path")


def _organization_named(
    item: Item | None, variables: Mapping[str, str], query: Mapping[str, str], document: object
) -> str | None:
    if item is None or not item.organization:
        return None
    return _named(item._replace(name=item.organization), variables, query, document)


def _named(
    item: Item, variables: Mapping[str, str], query: Mapping[str, str], document: object
) -> str | None:
    """Return the text in the place that names the item; None when a query or body has no text there. A
    path's variable is never None.
    """
    if item.where == "path":
        return variables.get(item.name, "")
    first, *rest = item.name.split(".")
    if item.where == "query":
        value: object = query.get(first + "".join(f"[{name}]" for name in rest))
    else:
        value = document
        for name in (first, *rest):
            value = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value not in ("", "null") and "\x00" not in value else None
