"""The description of an endpoint: the arguments of its decorator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from vitrine.dialects import Dialect
    from vitrine.models.people import ItemKind
    from vitrine.permissions import Tier


class Item(NamedTuple):
    """The item that a request is about, by the place that names it: a variable of the path, or a field of the
    query or body (`metadata.datasetId`).
    """

    name: str
    kind: ItemKind
    where: Literal["path", "query", "body"] = "path"
    organization: str = ""  # the field of query or body that may name an organization outright; "": none


class Choice(NamedTuple):
    """A field of the body that decides which of several operations a request is. The permission of that
    operation is required.
    """

    field: str
    operations: Mapping[str, str]  # by the field's value; any other value means the endpoint's own operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The description of an endpoint, for readers that do not run it: OpenAPI, tests."""

    dialect: Dialect
    operation: str | None = None  # of the permission table; None: public
    routes: tuple[tuple[str, str], ...] = ()  # (method, path)
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    returns: Any = None  # a TypedDict or another type that pydantic can describe; None: no JSON
    status: int = 200
    item: Item | None = None
    docstring: str = ""
    tier: Tier | None = None  # rate tier of a public endpoint, counted by address
    mints_secret: bool = False  # the response has a secret and must not be stored: no Idempotency-Key
    # browsers may send it from our own or allowed pages only: a GET that signs in by a cookie, a public POST
    own_pages_only: bool = False
    form_encoded: bool = False  # the body may also be an urlencoded form, as OAuth has it
    max_files: int = 0  # of the body, multipart/form-data; 0: the body is JSON
    files_field: str = ""  # the form field of every file; "": any field may be a file, and no Idempotency-Key
    choice: Choice | None = None
    # the rate limit counts only failed guesses: a successful request is subtracted again
    failures_only: bool = False

    @property
    def name(self) -> str:
        """The endpoint's name in logs and metrics."""
        return " ".join(self.routes[0]) if self.routes else "$default"

    def accepts_idempotency_key(self, method: str) -> bool:
        """Whether requests of this method may have an Idempotency-Key. A form whose files have names of their
        own may not.
        """
        return method == "POST" and not self.mints_secret and bool(self.files_field or not self.max_files)
