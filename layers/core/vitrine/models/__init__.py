"""The nouns of the library as frozen dataclasses, in modules by noun: the values that pass between the
layers.

Most code imports the classes by name: `from vitrine.models.media import Media`. Where a wire format has a
class of the same name, `models.media.Media` tells the two apart. A module is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    # A type checker reads a repeated name as "exported".
    from vitrine.models import bulk as bulk
    from vitrine.models import deletions as deletions
    from vitrine.models import derived as derived
    from vitrine.models import duplicates as duplicates
    from vitrine.models import jobs as jobs
    from vitrine.models import media as media
    from vitrine.models import pages as pages
    from vitrine.models import people as people
    from vitrine.models import places as places
    from vitrine.models import tags as tags
    from vitrine.models import uploads as uploads


def __getattr__(name: str) -> ModuleType:
    """Import the module `vitrine.models.<name>`. Raises AttributeError when there is no such module."""
    try:
        return import_module(f"vitrine.models.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"vitrine.models.{name}":
            raise  # the module exists, and one that it imports does not
        raise AttributeError(name) from error
