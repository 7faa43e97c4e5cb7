"""Frames of videos, made by the real child process, which requests pieces of the file."""

import os
import random
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from functools import partial
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from av.stream import Disposition
from PIL import Image

from tests.given import charts, pictures, videos
from vitrine.errors import ServiceUnavailable
from vitrine_imaging.decoder import Decoder, Derived, Limits, Task, Undecodable
from vitrine_imaging.models import OUT_OF_MEMORY
from vitrine_video.models import BLOCK

MEMORY = 1536 << 20


@dataclass
class RequestedPieces:
    """A file in memory, of which pieces are requested."""

    data: bytes
    asked: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def __call__(self, offset: int, size: int) -> bytes:
        assert 0 <= offset < len(self.data)
        assert 1 <= size <= BLOCK
        self.asked.append((offset, size))
        return self.data[offset : offset + size]

    @property
    def read(self) -> int:
        return sum(size for _, size in self.asked)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(module="vitrine_video.child") as one:
        yield one


@pytest.fixture(scope="module")
def film() -> bytes:
    return videos.video()


def derive(
    decoder: Decoder,
    data: bytes,
    mime_type: str = "video/mp4",
    *,
    pieces: Callable[[int, int], bytes] | None = None,
    **fields: Any,
) -> Derived:
    limits = Limits(
        max_pixels=fields.pop("max_pixels", 36_000_000),
        wall_seconds=fields.pop("wall_seconds", 30),
        memory_bytes=MEMORY,
    )
    usual = {
        "mime_type": mime_type,
        "size": len(data),
        "frames": 8,
        "max_seconds": 86_400,
        "read_bytes": 1 << 28,
    }
    with decoder.begin_task(Task(usual | fields, pieces or RequestedPieces(data)), limits=limits) as decoding:
        return decoding.result()


def reason(decoder: Decoder, data: bytes, mime_type: str = "video/mp4", **fields: Any) -> str:
    try:
        derived = derive(decoder, data, mime_type, **fields)
    except Undecodable as undecodable:
        return undecodable.reason
    return f"{len(derived.frames)} frames"


def corners(derived: Derived, number: int = 0) -> list[str]:
    """The names of the colours in the corners of a frame: left and right above, left and right below."""
    picture = Image.open(BytesIO(derived.frames[number].picture.data)).convert("RGB")
    (wide, high), names = picture.size, dict(zip(pictures.CORNERS, "RGBY", strict=True))
    places = [
        (wide // 8, high // 8),
        (wide - wide // 8, high // 8),
        (wide // 8, high - high // 8),
        (wide - wide // 8, high - high // 8),
    ]
    seen = [picture.getpixel(place) for place in places]

    def nearest(seen: tuple[int, ...]) -> str:
        return names[
            min(names, key=lambda colour: sum(abs(a - b) for a, b in zip(colour, seen, strict=True)))
        ]

    return [nearest(each) for each in seen if isinstance(each, tuple)]


def grey(derived: Derived) -> list[int]:
    """The level of grey in the middle of each frame."""
    return [
        Image.open(BytesIO(frame.picture.data)).convert("L").tobytes()[24 * 64 + 32]
        for frame in derived.frames
    ]


def test_frames_of_every_container_are_spread_over_its_time(decoder: Decoder) -> None:
    wrong = []
    for container, (mime_type, _) in videos.KINDS.items():
        derived = derive(decoder, videos.video(container, sound=container == "mp4"), mime_type)

        codec = {"libx264": "h264", "libvpx": "vp8"}.get(
            videos.KINDS[container][1], videos.KINDS[container][1]
        )
        ends = [frame.end_seconds for frame in derived.frames]
        ok = (derived.width, derived.height, derived.codec, derived.frame_rate) == (64, 48, codec, 25.0)
        ok &= derived.duration is not None and 1.2 < derived.duration < 2.1 and ends[-1] == derived.duration
        ok &= [frame.at_seconds for frame in derived.frames][1:] == ends[:-1] and 2 <= len(
            derived.frames
        ) <= 4
        ok &= all(corners(derived, n) == [*"RGBY"] for n in range(len(derived.frames)))
        ok &= {(frame.picture.mime_type, frame.thumbnail.mime_type) for frame in derived.frames} == {
            ("image/jpeg", "image/webp")
        }
        if not ok:
            wrong.append(
                (
                    container,
                    derived.width,
                    derived.height,
                    derived.codec,
                    derived.frame_rate,
                    derived.duration,
                    ends,
                    corners(derived),
                )
            )

    assert wrong == []


def test_frames_are_upright_in_square_pixels(decoder: Decoder, film: bytes) -> None:
    seen = {}
    for degrees in (0, 90, 180, 270, 91):
        derived = derive(decoder, videos.video(rotation=degrees, seconds=0.4))
        picture = derived.frames[0].picture
        seen[degrees] = (
            (derived.width, derived.height),
            (picture.width, picture.height),
            "".join(corners(derived)),
        )
    mirrored = derive(
        decoder,
        videos.patched(
            film, b"tkhd", 40, struct.pack(">9i", -65536, 0, 0, 0, 65536, 0, 64 << 16, 0, 1 << 30)
        ),
    )
    nonsense = derive(decoder, videos.patched(film, b"tkhd", 40, bytes(36)))
    wide = derive(decoder, videos.video(square=Fraction(2, 1), rotation=90, seconds=0.4))
    absurd = derive(decoder, videos.video(square=Fraction(100, 1), seconds=0.4))

    assert seen == {  # degrees against the clock, in the display matrix
        0: ((64, 48), (64, 48), "RGBY"),
        90: ((48, 64), (48, 64), "GYRB"),
        180: ((64, 48), (64, 48), "YBGR"),
        270: ((48, 64), (48, 64), "BRYG"),
        91: ((48, 64), (48, 64), "GYRB"),
    }
    assert (corners(mirrored), corners(nonsense)) == ([*"GRYB"], [*"RGBY"])
    assert ((wide.width, wide.height), corners(wide)) == ((48, 128), [*"GYRB"])
    assert (absurd.width, absurd.height) == (64, 48)


def test_a_frame_shows_the_moment_that_it_names(decoder: Decoder) -> None:
    """With one key frame, frames are decoded forward from it; with many, the key frames are used."""
    counts = {}
    for gop in (1000, 10):
        for container, (mime_type, codec) in (
            ("mp4", videos.KINDS["mp4"]),
            ("webm", videos.KINDS["webm"]),
            ("mpegts", videos.KINDS["mpegts"]),
        ):
            derived = derive(
                decoder, videos.video(container, codec, seconds=4, gop=gop, paint=videos.shades), mime_type
            )
            off = [
                abs(40 + frame.at_seconds * 25 - seen)
                for frame, seen in zip(derived.frames, grey(derived), strict=True)
            ]
            counts[container, gop] = (len(derived.frames), max(off))
    few = derive(decoder, videos.video(seconds=4), frames=3)
    one = derive(decoder, videos.video(seconds=0.4))

    assert {number for (_, gop), (number, _) in counts.items() if gop == 10} == {8}
    assert counts["mp4", 1000][0] == counts["webm", 1000][0] == 8
    # levels of grey, one for each frame
    assert {key: off for key, (_, off) in counts.items() if off > 2.5} == {}
    assert ([frame.at_seconds for frame in few.frames], len(one.frames)) == ([1.0, 2.0, 3.0], 1)


@pytest.mark.soak
def test_forward_decoding_is_bounded(decoder: Decoder) -> None:
    """A video with one key frame, large enough that decoding all of it would exceed the limit."""
    picture = pictures.quarters(4000, 3000)
    large = videos.video(
        seconds=4,
        rate=60,
        gop=1000,
        width=4000,
        height=3000,
        options={"preset": "ultrafast"},
        paint=lambda _: picture,
    )

    assert 2 <= len(derive(decoder, large).frames) < 8


def test_black_frames_are_left_out_where_others_exist(decoder: Decoder) -> None:
    """A black frame is left out if its span has another; if not, a later frame makes the placeholder."""
    black, lit = Image.new("RGB", (64, 48)), pictures.quarters(64, 48)

    late = derive(
        decoder, videos.video(seconds=4, gop=10, paint=lambda n: black if n < 38 else lit), frames=2
    )
    later = derive(
        decoder, videos.video(seconds=4, gop=10, paint=lambda n: black if n < 60 else lit), frames=2
    )
    never = derive(decoder, videos.video(seconds=4, gop=10, paint=lambda n: black), frames=2)

    assert [corners(late, n) for n in range(len(late.frames))] == [[*"RGBY"]] * 2
    assert (max(grey(later)[0], 60), corners(later, 1)) == (60, [*"RGBY"])
    assert late.placeholder == later.placeholder != never.placeholder


def test_the_metadata_of_a_video(decoder: Decoder, film: bytes) -> None:
    def taken(container: str = "mp4", **metadata: str) -> tuple[datetime | None, str | None]:
        data = videos.video(
            container,
            seconds=0.2,
            metadata=metadata,
            muxing={"movflags": "use_metadata_tags"} if container == "mov" else {},
        )
        derived = derive(decoder, data, videos.KINDS[container][0])
        return derived.taken_at, derived.taken_zone

    apple = {
        "com.apple.quicktime.creationdate": "2024-05-01T12:00:00+0200",
        "creation_time": "2024-05-01T10:00:07Z",
    }
    assert taken(creation_time="2024-05-01T10:00:00.000000Z") == (datetime(2024, 5, 1, 10, tzinfo=UTC), "Z")
    assert taken("3gp", creation_time="2024-05-01T10:00:00Z") == (datetime(2024, 5, 1, 10, tzinfo=UTC), "Z")
    assert taken("matroska", creation_time="2024-05-01T10:00:00Z") == (
        datetime(2024, 5, 1, 10, tzinfo=UTC),
        "Z",
    )
    assert taken("webm", creation_time="2024-05-01T10:00:00Z") == (datetime(2024, 5, 1, 10, tzinfo=UTC), "Z")
    assert taken("mov", **apple) == (datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))), "+02:00")
    absurd = ("1970-01-01T00:00:01Z", "2090-01-01T00:00:00Z", "1904-01-01T00:00:00Z")
    assert [taken("matroska", creation_time=each) for each in absurd] == [(None, None)] * 3
    # written without a duration, as browsers do
    live = derive(decoder, videos.video("webm", live=True, seconds=3), "video/webm")
    assert (live.duration, len(live.frames)) == (3.0, 6)
    assert derive(decoder, videos.timed(film, 2**31 - 1, 1)).frame_rate is None


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_metadata_that_is_not_utf8_does_not_matter(decoder: Decoder, container: str) -> None:
    data = videos.video(
        container,
        seconds=0.4,
        metadata={"title": "Sonnenaufgang", "service_name": "Sonnenaufgang"},
        sound=container == "mp4",
    )
    assert b"Sonnenaufgang" in data

    latin = data.replace(b"Sonnenaufgang", b"\xd6st\xffer\xfe\x80rgang").replace(
        b"VideoHandler", b"V\xeddeoHandler"
    )

    assert derive(decoder, latin, videos.KINDS[container][0]) == derive(
        decoder, data, videos.KINDS[container][0]
    )


def test_the_track_that_is_shown_by_default_is_the_one_of_the_frames(decoder: Decoder) -> None:
    file = BytesIO()
    with av.open(file, "w", format="mp4") as out:
        small, large = (out.add_stream("libx264", rate=25, options={"threads": "1"}) for _ in range(2))
        for stream, size in ((small, (32, 24)), (large, (64, 48))):
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        small.disposition, large.disposition = Disposition.dub, Disposition.default
        for number in range(5):
            for stream in (small, large):
                picture = pictures.quarters(stream.width, stream.height)
                frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(stream.encode(frame))
        for stream in (small, large):
            out.mux(stream.encode(None))

    derived = derive(decoder, file.getvalue())

    assert (derived.width, derived.height) == (64, 48)


def test_a_video_over_a_limit_fails_with_its_numbers(decoder: Decoder) -> None:
    wide = videos.video(seconds=0.4, square=Fraction(8, 1))
    late = videos.video("mpegts", seconds=0.4)

    assert reason(decoder, wide, max_pixels=200_000) == "1 frames"
    assert reason(decoder, wide, max_pixels=10_000) == "The video has 0.0 megapixels; the limit is 0.0"
    assert derive(decoder, wide).width == 512
    assert reason(decoder, late, "video/mp2t", max_seconds=0).startswith("The video says that it lasts ")


def test_ten_bits_and_high_dynamic_range_become_eight_bits_of_srgb(decoder: Decoder) -> None:
    ten = derive(decoder, videos.video(pixels="yuv420p10le", seconds=0.4))
    level = {}
    for curve, share in (("smpte2084", 0.58), ("arib-std-b67", 0.75), ("bt2020-10", 0.75)):
        params = f"colorprim=bt2020:transfer={curve}:colormatrix=bt2020nc"
        plain = Image.new("RGB", (64, 48), (round(share * 255),) * 3)
        data = videos.video(
            pixels="yuv420p10le", seconds=0.4, options={"x264-params": params}, paint=partial(_same, plain)
        )
        level[curve] = grey(derive(decoder, data))[0]

    assert corners(ten) == [*"RGBY"]
    assert level["smpte2084"] == pytest.approx(193, abs=3)  # 203 nits, the white of paper
    assert level["arib-std-b67"] == pytest.approx(192, abs=3)  # 203 nits in HLG
    assert level["bt2020-10"] in range(189, 194)  # grey is grey in any gamut


def test_high_dynamic_range_keeps_its_hues(decoder: Decoder) -> None:
    """Compared with zscale and hable, within the error of 10 bits and a JPEG."""
    seen = {}
    for (primaries, transfer, nits), right in charts.SHOWN.items():
        shown = (
            derive(decoder, charts.video(charts.chart(transfer), primaries, transfer, nits)).frames[0].picture
        )
        levels, degrees = charts.differences(charts.patches(Image.open(BytesIO(shown.data))), right)
        if levels > 14 or degrees > 3:
            seen[primaries, transfer, nits] = levels, degrees
    for primaries, right in charts.SHOWN_OF_SDR.items():
        shown = (
            derive(decoder, charts.video(charts.chart(charts.SRGB), primaries, charts.SRGB)).frames[0].picture
        )
        levels, degrees = charts.differences(charts.patches(Image.open(BytesIO(shown.data))), right)
        if levels > 5 or degrees > 3:
            seen[primaries, charts.SRGB, None] = levels, degrees

    assert seen == {}


def test_the_brightest_pixel_is_that_of_the_screen_on_which_a_video_was_made(decoder: Decoder) -> None:
    film = charts.video(charts.chart(charts.PQ), charts.BT2020, charts.PQ, screen=400)

    shown = Image.open(BytesIO(derive(decoder, film).frames[0].picture.data))

    levels, degrees = charts.differences(charts.patches(shown), charts.SHOWN[charts.BT2020, charts.PQ, 400])
    assert (levels <= 14, degrees <= 3) == (True, True)


def test_the_container_states_the_coding_of_colours_where_frames_do_not(decoder: Decoder) -> None:
    chart = charts.chart(charts.HLG)
    film = charts.video(
        chart,
        charts.BT2020,
        charts.HLG,
        codec="prores_ks",
        pixels="yuv422p10le",
        muxing={"movflags": "write_colr"},
    )

    shown = Image.open(BytesIO(derive(decoder, film, "video/quicktime").frames[0].picture.data))

    levels, degrees = charts.differences(charts.patches(shown), charts.SHOWN[charts.BT2020, charts.HLG, None])
    assert (levels <= 5, degrees <= 3) == (True, True)


def test_colours_that_the_scaler_does_not_know_are_shown(decoder: Decoder) -> None:
    """Numbers of primaries, transfer and matrix that are reserved, or that FFmpeg cannot convert: ICtCp,
    constant luminance, YCgCo.
    """
    film = charts.video(
        charts.chart(charts.HLG),
        charts.BT2020,
        charts.HLG,
        codec="mpeg4",
        pixels="yuv420p",
        muxing={"movflags": "write_colr"},
    )
    at = film.index(b"colrnclx") + 8

    outcomes = {
        (place, number): reason(
            decoder, film[: at + place] + struct.pack(">H", number) + film[at + place + 2 :]
        )
        for place in (0, 2, 4)
        for number in (0, 3, 8, 10, 13, 14, 15, 22, 23, 128, 255, 65535)
    }

    assert set(outcomes.values()) == {"1 frames"}


def test_side_data_of_an_unknown_kind_is_ignored(decoder: Decoder) -> None:
    """A motion JPEG's EXIF, for which PyAV 18 has no name, beside a display matrix of a turned camera."""
    seen = corners(derive(decoder, videos.motion_jpeg(rotation=90), "video/quicktime"))

    assert seen == [*"GYRB"]


def _same(picture: Image.Image, _: int) -> Image.Image:
    return picture


def test_a_large_file_is_read_in_few_pieces_wherever_its_header_is(decoder: Decoder) -> None:
    counts = {}
    for name, header_first in (("last", False), ("first", True)):
        pieces = RequestedPieces(videos.padded(videos.video(seconds=4, header_first=header_first), 8 << 20))
        counts[name] = (
            len(derive(decoder, pieces.data, pieces=pieces).frames),
            len(pieces.asked),
            pieces.read < 1 << 20,
        )

    assert counts == {"first": (8, 2, True), "last": (8, 2, True)}


def test_reading_is_bounded(decoder: Decoder) -> None:
    data = videos.padded(videos.video(seconds=4), 8 << 20)

    assert reason(decoder, data, read_bytes=BLOCK) == "More of the file would have to be read than is"
    # its key frames; more would need the bytes between them
    assert reason(decoder, data, read_bytes=1 << 20) == "4 frames"


def test_a_file_without_video_fails_with_a_reason(decoder: Decoder, film: bytes) -> None:
    first = videos.video(header_first=True, seconds=4, paint=lambda n: pictures.quarters(64, 48).rotate(n))
    cut = "The file is damaged or cut short"
    outcomes = {
        "only sound": reason(decoder, videos.sound_only()),
        "one byte": reason(decoder, b"\0"),
        "a picture": reason(decoder, pictures.jpeg(64, 48)),
        "a playlist": reason(
            decoder, b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:1/a.ts\n"
        ),
        "a script": reason(decoder, b"ffconcat version 1.0\nfile '/etc/hostname'\n"),
        "a script as MPEG": reason(decoder, b"ffconcat version 1.0\nfile '/etc/hostname'\n", "video/mpeg"),
        "header last, cut": reason(decoder, film[: len(film) * 2 // 3]),
        "header first, cut": reason(decoder, first[: -len(first) // 4]),
        "header first, and nothing else": reason(decoder, first[: first.index(b"mdat") + 4]),
        "no size": reason(decoder, videos.without_size(film)),
        "too large": reason(decoder, film, max_pixels=3000),
        "too long": reason(decoder, videos.timed(film, 1, 5000), max_seconds=60),
        "endless": reason(decoder, videos.timed(film, 1, 2**31 - 1)),
        "no time at all": reason(decoder, videos.timed(film, 0, 0)),
        "all at once": reason(decoder, videos.timed(film, 2**31 - 1, 1)),
        "elsewhere": reason(decoder, videos.elsewhere(film)),
    }

    frames = outcomes.pop("header first, cut")
    assert 1 <= int(frames.split()[0]) < 8
    assert outcomes == {
        "only sound": "There is no video in the file",
        "one byte": cut,
        "a picture": cut,
        "a playlist": cut,
        "a script": cut,
        "a script as MPEG": cut,
        "header last, cut": "The file is damaged, or of a codec that is not known",
        "header first, and nothing else": cut,
        "no size": "The video says no size of its picture",
        "too large": "The video has 0.0 megapixels; the limit is 0.0",
        "too long": "The video says that it lasts 2000 s; the limit is 60 s",
        # of the file's own pixels
        "endless": "1 frames",
        "no time at all": "2 frames",
        "all at once": "1 frames",
        "elsewhere": "4 frames",
    }


def test_a_file_whose_child_dies_is_tried_once_more(decoder: Decoder, film: bytes) -> None:
    deaths: list[int] = []

    class Deadly(RequestedPieces):
        def __call__(self, offset: int, size: int) -> bytes:
            if not deaths:
                assert decoder.pid
                deaths.append(decoder.pid)
                os.kill(decoder.pid, signal.SIGKILL)
            return super().__call__(offset, size)

    assert len(derive(decoder, film, pieces=Deadly(film)).frames) == 4
    assert decoder.pid not in deaths


def test_a_store_that_fails_is_not_the_files_fault(decoder: Decoder, film: bytes) -> None:
    def away(offset: int, size: int) -> bytes:
        raise ServiceUnavailable("The store is not answering; try again")

    with pytest.raises(ServiceUnavailable):
        derive(decoder, film, pieces=away)
    assert reason(decoder, film) == "4 frames"


MALFORMED = {
    "asks for nonsense": r"""printf '\0\0\0\036{"offset": "all", "size": true}  '; exec cat >/dev/null""",
    "asks without end": r"""while :; do
    printf '\0\0\0\035{"offset": 0, "size": 262144}  ' || exit
    head -c 262148 >/dev/null
done""",
    "takes nothing": r"""printf '\0\0\0\035{"offset": 0, "size": 262144}  '; exec sleep 60""",
}


def test_a_childs_malformed_requests_fail_the_file(
    film: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = {}
    for name, script in MALFORMED.items():
        liar = tmp_path / "liar"
        liar.write_text(f"#!/bin/sh\nprintf '\\0\\0\\0\\005ready'\n{script}\n")
        liar.chmod(0o755)
        pieces = RequestedPieces(bytes(BLOCK))

        def bounded(offset: int, size: int, pieces: RequestedPieces = pieces) -> bytes:
            if pieces.read > 4 * BLOCK:
                raise ValueError("not a piece that our child asks for")
            return pieces(offset, size)

        with monkeypatch.context() as patch, Decoder(module="vitrine_video.child") as decoder:
            patch.setattr(sys, "executable", str(liar))
            outcomes[name] = reason(decoder, pieces.data, pieces=bounded, wall_seconds=1)

    fails = "The file makes the decoder fail"
    assert outcomes == {
        "asks for nonsense": fails,
        "asks without end": fails,
        "takes nothing": "Decoding took longer than 1 s",
    }


def test_the_child_can_open_nothing_and_runs_within_its_limits(decoder: Decoder, film: bytes) -> None:
    derive(decoder, film)

    rows = [line.rsplit(maxsplit=3) for line in Path(f"/proc/{decoder.pid}/limits").read_text().splitlines()]
    limits = {row[0].strip(): row[1] for row in rows}
    assert (limits["Max open files"], limits["Max address space"], limits["Max file size"]) == (
        "3",
        str(MEMORY),
        "0",
    )


def mutated(seed: int, originals: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """The video with some bytes changed, more often in its header; or cut, doubled, or with a gap."""
    chance = random.Random(seed)
    mime_type, data = originals[seed % len(originals)]
    found = bytearray(data)
    for _ in range(chance.choice((1, 4, 30))):
        at = (
            chance.randrange(len(found))
            if chance.random() < 0.5
            else min(len(found) - 1, int(chance.expovariate(1 / 200)))
        )
        found[at : at + 1] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))])
    if chance.random() < 0.2:
        at = chance.randrange(len(found))
        found[at:] = chance.choice((b"", found[at // 2 :], bytes(200) + found[at:]))
    return mime_type, bytes(found)


def fuzz(decoder: Decoder, number: int) -> None:
    originals = [
        (mime_type, videos.video(container, seconds=0.6, rate=10, gop=3))
        for container, (mime_type, _) in videos.KINDS.items()
    ]
    originals.append(("video/mp4", videos.video(header_first=True, seconds=0.6, rate=10, gop=3, sound=True)))
    originals.append(
        ("video/webm", videos.video("webm", "libvpx-vp9", seconds=0.6, rate=10, gop=3, live=True))
    )
    threads = threading.active_count()
    files = (mutated(seed, originals) for seed in range(number))
    outcomes = [
        reason(decoder, data, mime_type, wall_seconds=10, read_bytes=16 << 20) for mime_type, data in files
    ]

    assert {each for each in outcomes if "frames" not in each} <= {
        "The file is damaged or cut short",
        "The file is damaged, or of a codec that is not known",
        "The video says no size of its picture",
        "There is no video in the file",
        OUT_OF_MEMORY,
        "More of the file would have to be read than is",
        *(each for each in outcomes if each.startswith(("The video has ", "The video says that it lasts "))),
    }
    assert sum("frames" in each for each in outcomes) > number // 10  # some of them are still videos
    assert threading.active_count() <= threads
    with suppress(FileNotFoundError):
        peak = next(
            line
            for line in Path(f"/proc/{decoder.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        assert int(peak.split()[1]) < 1_000_000  # kB


def test_mutated_videos_are_decoded_or_rejected(decoder: Decoder) -> None:
    fuzz(decoder, 60)


@pytest.mark.soak
def test_many_mutated_videos_are_decoded_or_rejected(decoder: Decoder) -> None:
    fuzz(decoder, 2_000)


def test_spans_follow_one_another(decoder: Decoder) -> None:
    derived = derive(decoder, videos.video(seconds=4, gop=7))

    assert all(one.end_seconds == another.at_seconds for one, another in pairwise(derived.frames))
