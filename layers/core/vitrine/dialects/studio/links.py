"""Permanent links, `/f/{mediaId}/{token}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from vitrine.dialects.dialect import Answer
from vitrine.dialects.formats import Input

if TYPE_CHECKING:
    from vitrine.delivery import Redirect


class LinkQuery(Input):
    """The shape of the item that the link redirects to."""

    size: Literal["frame", "thumbnail"] | None = None
    original: bool = Field(False, description="the file itself, also where a browser cannot show it")
    download: bool = Field(False, description="to be saved under its name")


def show_redirect(lead: Redirect) -> Answer:
    """Redirect to a URL. Clients may cache the redirect for less time than the URL is valid."""
    return Answer(None, 302, {"location": lead.url, "cache-control": f"private, max-age={lead.seconds}"})
