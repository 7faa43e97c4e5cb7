"""A decoder's child whose own code raises TypeError for every file, of every kind. `Decoder` starts it."""

import sys
from collections.abc import Mapping
from typing import Any

from vitrine.models.derived import Derived
from vitrine_imaging import child
from vitrine_imaging.answers import Send
from vitrine_imaging.child import Loaded


def _load() -> Loaded:
    def derive(_: Mapping[str, Any], __: Send) -> Derived:
        raise TypeError("open() got an unexpected keyword argument \x1b[31m")

    return Loaded(derive, lambda: None)


if __name__ == "__main__":
    child.main(int(sys.argv[1]), _load)
