"""Making frame and thumbnail of photos of 24 megapixels, compared with sharp and Pillow. Each program is one
process; they run alternately on one core.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from vitrine_imaging.models import FRAME_EDGE, THUMBNAIL_EDGE

HERE = Path(__file__).parent / "derivers"
PHOTOS, ROUNDS = 6, 5
WIDTH, HEIGHT = 6000, 4000  # pixels
ALLOWED = 250  # MB, the most memory that our program may use
# The settings of our decoder. They reduce the memory that sharp uses as well.
ENVIRONMENT = {"VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"}


@dataclass(slots=True)
class Deriver:
    """A running program of `derivers`."""

    name: str
    process: subprocess.Popen[str]
    seconds: list[float] = field(default_factory=list[float])
    besides: dict[str, list[float]] = field(default_factory=lambda: defaultdict[str, list[float]](list))
    kilobytes: list[float] = field(default_factory=list[float])

    def ask(self, photo: Path) -> dict[str, Any]:
        """Send a path, return the response, and record the time it took."""
        if self.process.stdin is None or self.process.stdout is None:
            raise ValueError(f"{self.name} has no pipes")
        began = time.perf_counter()
        print(photo, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        took = time.perf_counter() - began
        if not line:
            raise SystemExit(f"  {self.name} ended at {photo.name}; its messages are above")
        answer: dict[str, Any] = json.loads(line)
        self.seconds.append(took)
        self.kilobytes.append((answer["frame"][2] + answer["thumbnail"][2]) / 1000)
        for what, spent in answer.pop("besides", {}).items():
            self.besides[what].append(spent)
        return answer

    @property
    def rate(self) -> float:
        """Photos per second, including all that the program makes."""
        return 1 / statistics.median(self.seconds)

    @property
    def megabytes(self) -> float:
        """The largest resident set size of the program so far, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return (
            int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
            * 1024
            / 1e6
        )

    @property
    def processor_seconds(self) -> float:
        """The processor time of the program so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the rate of each program with its ratios, its processor time per photo, and the most memory that
    it used.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        place = Path(folder)
        modules = _sharp(place / "sharp")
        photos = [_photo(place / f"{seed}.jpg", seed) for seed in range(PHOTOS)]
        # The programs inherit the core of this process, which sleeps while one of them works.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

        ours, sharp, pillow = derivers = [
            running.enter_context(_started("ours", [sys.executable, "-m", "bench.derivers.ours"])),
            running.enter_context(
                _started(
                    "sharp", ["node", str(modules / "with_sharp.mjs"), str(FRAME_EDGE), str(THUMBNAIL_EDGE)]
                )
            ),
            running.enter_context(_started("Pillow", [sys.executable, "-m", "bench.derivers.with_pillow"])),
        ]
        for deriver in derivers:  # the first photo is not measured
            deriver.ask(photos[0])
            deriver.seconds.clear()
            deriver.besides.clear()
        before = [deriver.processor_seconds for deriver in derivers]
        made: set[str] = set()
        for turn in range(ROUNDS * PHOTOS):
            for deriver in derivers[turn % 3 :] + derivers[: turn % 3]:
                answer = deriver.ask(photos[turn % PHOTOS])
                made.add(
                    " and ".join(
                        f"{answer[which][0]} x {answer[which][1]}" for which in ("frame", "thumbnail")
                    )
                )
        processor = [
            (deriver.processor_seconds - had) / (ROUNDS * PHOTOS)
            for deriver, had in zip(derivers, before, strict=True)
        ]
        if len(made) > 1:
            raise SystemExit(f"  the programs do not make the same sizes: {made}")

        sizes = sorted(photo.stat().st_size / 1e6 for photo in photos)
        megapixels = WIDTH * HEIGHT / 1e6
        print(
            f"  {PHOTOS} photos of {megapixels:.0f} megapixels, {sizes[0]:.1f} to {sizes[-1]:.1f} MB;"
            f" {made.pop()}; medians of {ROUNDS} rounds"
        )
        print(f"  {'':22} photos/s   to sharp   to Pillow   processor   most memory   written")
        frames_only = 1 / statistics.median(
            whole - sum(each) for whole, *each in zip(ours.seconds, *ours.besides.values(), strict=True)
        )
        for name, rate, deriver, spent in (
            ("ours, frames only", frames_only, ours, None),
            ("ours, all that is made", ours.rate, ours, processor[0]),
            ("sharp", sharp.rate, sharp, processor[1]),
            ("Pillow", pillow.rate, pillow, processor[2]),
        ):
            print(
                f"  {name:22} {rate:8.2f}   {rate / sharp.rate:8.2f}   {rate / pillow.rate:9.2f}"
                f"   {f'{1000 * spent:.0f} ms' if spent else '':>9}"
                f"   {deriver.megabytes:8.0f} MB   {statistics.median(deriver.kilobytes):4.0f} KB"
            )
        print(
            "  besides frames: "
            + ", ".join(
                f"{what} {1000 * statistics.median(spent):.1f} ms" for what, spent in ours.besides.items()
            )
        )
        print(
            f"  frames at sharp's rate or better: {'met' if frames_only >= sharp.rate else 'NOT MET'}; "
            f"at most {ALLOWED} MB: {'met' if ours.megabytes <= ALLOWED else 'NOT MET'}"
        )


@contextmanager
def _started(name: str, words: list[str]) -> Generator[Deriver]:
    with subprocess.Popen(
        words, env={**os.environ, **ENVIRONMENT}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise SystemExit(f"  {name} did not start; its messages are above")
            yield Deriver(name, process)
        finally:
            process.kill()


def _sharp(folder: Path) -> Path:
    """Install sharp from the lock file into the folder, and return the folder."""
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "node_modules"))
    try:
        done = subprocess.run(
            ["npm", "ci"], cwd=folder, capture_output=True, text=True, check=False, timeout=300
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise SystemExit(
            f"  sharp cannot be measured: npm is missing, or ran for more than five minutes ({error})"
        ) from None
    if done.returncode:
        raise SystemExit(f"  sharp cannot be measured: npm could not install it.\n{done.stderr.strip()}")
    return folder


def _photo(path: Path, seed: int) -> Path:
    """Write a JPEG of about 5 MB with Pillow: coarse and fine structure, edges, and grain like a camera's."""
    dice = random.Random(seed)

    def noise(mode: str, width: int, height: int) -> Image.Image:
        return Image.frombytes(mode, (width, height), dice.randbytes(len(mode) * width * height))

    picture = noise("RGB", 6, 4).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    for width, weight in ((48, 0.35), (384, 0.2), (1500, 0.12)):
        picture = Image.blend(
            picture,
            noise("RGB", width, width * 2 // 3).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC),
            weight,
        )
    draw = ImageDraw.Draw(picture)
    for _ in range(150):
        x, y, size = dice.randrange(WIDTH), dice.randrange(HEIGHT), dice.randrange(10, 400)
        colour = dice.randrange(256), dice.randrange(256), dice.randrange(256)
        draw.ellipse((x - size, y - size, x + size, y + size), outline=colour, width=size // 10)
    grain, tile = Image.new("L", (WIDTH, HEIGHT)), noise("L", 1000, 1000)
    for left in range(0, WIDTH, 1000):
        for top in range(0, HEIGHT, 1000):
            grain.paste(tile, (left, top))
    Image.blend(picture, grain.convert("RGB"), 0.05).save(path, "JPEG", quality=85)
    return path
