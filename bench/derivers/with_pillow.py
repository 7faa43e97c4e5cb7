"""Make frame and thumbnail with Pillow. `draft` decodes a JPEG at a smaller scale; `reducing_gap` first
shrinks by averaging boxes.
"""

from __future__ import annotations

import json
import sys
from io import BytesIO

from PIL import Image, ImageOps

from vitrine_imaging.models import FRAME_EDGE, THUMBNAIL_EDGE


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        with Image.open(line.rstrip("\n")) as original:
            # `thumbnail` calls `draft`.
            original.thumbnail((FRAME_EDGE, FRAME_EDGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
            frame = ImageOps.exif_transpose(original)
        thumbnail = frame.copy()
        thumbnail.thumbnail((THUMBNAIL_EDGE, THUMBNAIL_EDGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        answer = {
            "frame": [*frame.size, size_of(frame, "JPEG", quality=80, progressive=True)],
            "thumbnail": [*thumbnail.size, size_of(thumbnail, "WEBP", quality=80, method=4)],
        }
        print(json.dumps(answer), flush=True)


def size_of(picture: Image.Image, kind: str, **options: object) -> int:
    file = BytesIO()
    picture.save(file, kind, **options)
    return len(file.getvalue())


if __name__ == "__main__":
    main()
