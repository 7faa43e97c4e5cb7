"""Our program: it calls `derive` as the decoder's child process does."""

from __future__ import annotations

import inspect
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vitrine.models.derived import Picture
from vitrine_imaging import derive as deriving
from vitrine_imaging.models import Limits

# Name in the output -> function, by the name that vitrine_imaging/derive.py uses.
BESIDES = {
    "placeholder": "make_placeholder",
    "hash": "perceptual_hash",
    "colours": "dominant_colors",
    "EXIF": "exif.read",
}
spent: dict[str, float] = {}


def main() -> None:
    for what, name in BESIDES.items():
        module, _, function = name.rpartition(".")
        place = getattr(deriving, module, None) if module else deriving
        if hasattr(place, function):
            setattr(place, function, timed(what, getattr(place, function)))
    limits = {
        name: value
        for name, value in asdict(Limits()).items()
        if name in inspect.signature(deriving.derive).parameters
    }

    print("ready", flush=True)
    for line in sys.stdin:
        spent.clear()
        with Path(line.rstrip("\n")).open("rb") as file:
            made = deriving.derive(file.fileno(), **limits).frames[0]
        print(
            json.dumps({"frame": shape(made.picture), "thumbnail": shape(made.thumbnail), "besides": spent}),
            flush=True,
        )


def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls this one, and adds the time of each call to `spent`."""

    def measured(*values: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*values, **named)
        finally:
            spent[what] = spent.get(what, 0.0) + time.perf_counter() - began

    return measured


def shape(picture: Picture) -> list[int]:
    return [picture.width, picture.height, len(picture.data)]


if __name__ == "__main__":
    main()
