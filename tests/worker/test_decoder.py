"""The decoder and its child process: whatever a file does, the next one is decoded."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.given import pictures, stills
from tests.given.pictures import FUZZ_LONG, FUZZ_QUICK, FUZZ_SEED
from vitrine_imaging.decoder import (
    Cancelled,
    Decoder,
    DecoderUnavailable,
    Derived,
    Limits,
    Undecodable,
)

MIB = 1 << 20
SLOW = Limits(max_pixels=10**9, wall_seconds=60)  # for `slow`, which has more pixels than are usually allowed


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return saved(tmp_path / "photo", pictures.jpeg(320, 240))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes about a second: long enough to act while it is decoded."""
    return saved(tmp_path_factory.mktemp("slow") / "slow", pictures.bomb_png(16_000))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def saved(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def until(true: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def processor_time(pid: int) -> int:
    """Processor time in ticks of a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def has_ended(pid: int) -> bool:
    """Whether the process has ended; it may still be a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return True


def busy_child(decoder: Decoder, work: Future[Derived], *, other_than: int | None = None) -> int:
    """The child's process id, once the child decodes the file of `work`."""
    until(lambda: work.done() or (decoder.pid is not None and decoder.pid != other_than))
    pid = decoder.pid
    assert pid
    before = processor_time(pid)
    until(lambda: work.done() or processor_time(pid) > before + 10)
    assert not work.done()
    return pid


def test_a_child_is_started_by_the_first_file_and_kept(photo: Path) -> None:
    with Decoder() as decoder:
        at_first = decoder.pid
        first = decoder.derive(photo)
        pid = decoder.pid
        second = decoder.derive(photo)

        assert (at_first, decoder.pid) == (None, pid)
        assert first == second
    assert pid is not None
    assert has_ended(pid)


def test_a_closed_decoder_starts_again(decoder: Decoder, photo: Path) -> None:
    before = decoder.derive(photo)
    decoder.close()

    assert decoder.derive(photo) == before


def test_a_child_is_replaced_after_its_share_of_files(photo: Path) -> None:
    with Decoder(files_per_child=2) as decoder:
        pids = [(decoder.derive(photo), decoder.pid)[1] for _ in range(5)]

    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_a_child_killed_while_idle_is_replaced_unnoticed(decoder: Decoder, photo: Path) -> None:
    before, pid = decoder.derive(photo), decoder.pid
    assert pid
    os.kill(pid, signal.SIGKILL)

    assert decoder.derive(photo) == before
    assert decoder.pid != pid


def test_a_child_killed_while_decoding_is_replaced_and_the_file_tried_again(
    decoder: Decoder, slow: Path, threads: ThreadPoolExecutor
) -> None:
    work = threads.submit(decoder.derive, slow, limits=SLOW)
    pid = busy_child(decoder, work)

    os.kill(pid, signal.SIGKILL)

    assert work.result().width == 16_000
    assert decoder.pid != pid


def test_a_file_whose_child_is_killed_twice_fails_and_the_next_file_is_decoded(
    decoder: Decoder, slow: Path, photo: Path, threads: ThreadPoolExecutor
) -> None:
    work = threads.submit(decoder.derive, slow, limits=SLOW)
    first = busy_child(decoder, work)
    os.kill(first, signal.SIGKILL)
    os.kill(busy_child(decoder, work, other_than=first), signal.SIGKILL)

    with pytest.raises(Undecodable, match=r"^Decoding was stopped by the system, twice$"):
        work.result()
    assert decoder.derive(photo).width == 320


def test_decoding_runs_beside_its_caller_and_ends_with_its_block(
    decoder: Decoder, slow: Path, photo: Path, tmp_path: Path
) -> None:
    with decoder.begin(photo) as decoding:
        assert decoding.result() == decoder.derive(photo)
    kept = decoder.pid
    assert kept

    with decoder.begin(slow, limits=SLOW) as decoding:
        before = processor_time(kept)
        until(lambda: processor_time(kept) > before + 10)

    assert has_ended(kept)
    with pytest.raises(Cancelled):
        decoding.result()
    assert decoder.pid is None  # no other child was started
    with pytest.raises(FileNotFoundError):
        decoder.begin(tmp_path / "nothing")
    assert decoder.derive(photo).width == 320


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGSEGV, "The file makes the decoder crash"),
        (signal.SIGABRT, "The file makes the decoder crash, or need more memory than allowed"),
        (signal.SIGTERM, "The file makes the decoder fail"),
    ],
)
def test_a_crash_counts_when_a_fresh_child_crashes_too(
    decoder: Decoder, slow: Path, threads: ThreadPoolExecutor, number: signal.Signals, reason: str
) -> None:
    work = threads.submit(decoder.derive, slow, limits=SLOW)
    first = busy_child(decoder, work)
    os.kill(first, number)
    os.kill(busy_child(decoder, work, other_than=first), number)

    with pytest.raises(Undecodable) as failed:
        work.result()
    assert failed.value.reason == reason


def test_a_child_that_hangs_is_ended_in_time(decoder: Decoder, photo: Path) -> None:
    decoder.derive(photo)
    pid = decoder.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)

    started = time.monotonic()
    with pytest.raises(Undecodable, match=r"^Decoding took longer than 1 s$"):
        decoder.derive(photo, limits=Limits(wall_seconds=1))

    assert 1 <= time.monotonic() - started < 5
    assert has_ended(pid)
    assert decoder.derive(photo).width == 320


def test_a_file_that_takes_too_long_fails(decoder: Decoder, photo: Path, tmp_path: Path) -> None:
    bomb = saved(tmp_path / "bomb", pictures.bomb_png())

    with pytest.raises(Undecodable, match=r"^Decoding took longer than 1 s$"):
        decoder.derive(bomb, limits=Limits(max_pixels=10**10, wall_seconds=1))

    assert decoder.derive(photo).width == 320


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux alone")
def test_a_file_that_needs_too_much_memory_fails(decoder: Decoder, photo: Path, tmp_path: Path) -> None:
    bomb = saved(tmp_path / "bomb", pictures.interlaced_png())

    with pytest.raises(Undecodable, match=r"^Decoding needed more memory than allowed$"):
        decoder.derive(bomb, limits=Limits(max_pixels=10**13))

    assert decoder.derive(photo).width == 320


def test_threads_take_turns(decoder: Decoder, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    widths = list(range(100, 116))
    files = [saved(tmp_path / str(width), pictures.png(width, 50)) for width in widths]

    assert [derived.width for derived in threads.map(decoder.derive, files)] == widths


def test_a_child_outlives_the_thread_that_started_it(decoder: Decoder, photo: Path) -> None:
    thread = threading.Thread(target=decoder.derive, args=(photo,))
    thread.start()
    thread.join()
    pid = decoder.pid

    assert decoder.derive(photo).width == 320
    assert decoder.pid == pid is not None


PARENT = """
import sys
from pathlib import Path
from vitrine_imaging.decoder import Decoder, Limits

decoder = Decoder()
decoder.derive(Path(sys.argv[1]))
print(decoder.pid, flush=True)
if sys.argv[2]:
    decoder.derive(Path(sys.argv[2]), limits=Limits(max_pixels=10**10, wall_seconds=600))
sys.stdin.read()
"""


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "in the middle of a file"])
def test_no_child_is_left_when_its_parent_is_killed(photo: Path, tmp_path: Path, busy: bool) -> None:
    bomb = str(saved(tmp_path / "bomb", pictures.bomb_png())) if busy else ""
    path = os.pathsep.join(["layers/core", "layers/imaging"])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(photo), bomb],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        before = processor_time(child)
        until(lambda: not busy or processor_time(child) > before + 10)
        assert not has_ended(child)

        parent.kill()

    until(lambda: has_ended(child), seconds=5)


def test_no_child_is_left_when_a_decoder_is_garbage(photo: Path) -> None:
    decoder = Decoder()
    decoder.derive(photo)
    pid = decoder.pid
    assert pid

    del decoder

    until(lambda: has_ended(pid), seconds=5)


LOADED = """
import os, sys
from pathlib import Path
from vitrine_imaging import child

loaded = child.stills()
loaded.warm_up()
before = set(sys.modules)
for name in sys.argv[1:]:
    os.lseek(file := os.open(name, os.O_RDONLY), 7, os.SEEK_SET)
    child.wire.receive_file = lambda _, file=file: file
    loaded.derive({"max_pixels": 10**6, "max_animation_pixels": 10**6, "keep_gps": True}, lambda _: None)
print(*sorted(set(sys.modules) - before))
"""


def test_all_that_decodes_is_loaded_before_the_first_file(tmp_path: Path) -> None:
    """Later the child may not be able to read its libraries: root's are often in root's home, and the child
    is not root then.
    """
    # with EXIF, which may be read by another module
    turned = [stills.turned(kind, 6) for kind in stills.TURNING]
    files = [
        saved(tmp_path / str(number), data)
        for number, data in enumerate([*(make() for make in stills.SMALL.values()), *turned])
    ]

    loaded = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, files)],
        env={"PYTHONPATH": os.pathsep.join(["layers/core", "layers/imaging"])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout.strip() == ""


def test_the_child_gets_no_secrets(decoder: Decoder, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:secret@b/c")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")

    decoder.derive(photo)

    names = {
        line.partition("=")[0]
        for line in Path(f"/proc/{decoder.pid}/environ").read_text().split("\0")
        if line
    }
    assert names <= {
        *("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"),
        *("MALLOC_ARENA_MAX", "VIPS_BLOCK_UNTRUSTED", "VIPS_CONCURRENCY", "VIPS_DISC_THRESHOLD"),
    }


def test_the_child_inherits_no_files(decoder: Decoder, photo: Path, tmp_path: Path) -> None:
    secret = saved(tmp_path / "secret", b"")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        decoder.derive(photo)

        opened = {os.readlink(link) for link in Path(f"/proc/{decoder.pid}/fd").iterdir()}

    assert str(secret) not in opened


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_child_runs_within_its_limits(decoder: Decoder, photo: Path) -> None:
    decoder.derive(photo, limits=Limits(memory_bytes=512 << 20, wall_seconds=7))

    rows = [line.rsplit(maxsplit=3) for line in Path(f"/proc/{decoder.pid}/limits").read_text().splitlines()]
    limits = {row[0].strip(): row[1] for row in rows}
    assert (limits["Max address space"], limits["Max core file size"], limits["Max file size"]) == (
        str(512 << 20),
        "0",
        "0",
    )
    assert 7 <= int(limits["Max cpu time"]) <= 10


def test_the_parent_never_loads_libvips() -> None:
    script = "import sys, vitrine_imaging.decoder; print('pyvips' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": os.pathsep.join(["layers/core", "layers/imaging"])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "False\n"


def test_a_missing_file_raises_and_starts_no_child(decoder: Decoder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decoder.derive(tmp_path / "nothing")

    assert decoder.pid is None


def test_a_files_name_is_not_parsed(decoder: Decoder, tmp_path: Path) -> None:
    """libvips parses options in brackets at the end of a file's name."""
    odd = saved(tmp_path / "ö %s [shrink=8,fail_on=none].jpg[page=7]", pictures.truncated(pictures.png()))

    with pytest.raises(Undecodable, match="damaged or cut short"):
        decoder.derive(odd)
    assert decoder.derive(saved(odd, pictures.png(300, 200))).frames[0].picture.width == 300


def test_where_no_child_starts_the_file_is_not_blamed(
    decoder: Decoder, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(DecoderUnavailable):
            decoder.derive(photo)

    assert decoder.derive(photo).width == 320


MALFORMED = {
    "leaves": "exit 3",
    "talks nonsense": "head -c 100000 /dev/urandom; exec cat >/dev/null",
    "promises too much": r"printf '\377\377\377\377'; exec cat >/dev/null",
    "nests too deep": r"printf '\0\0\077\377'; head -c 16383 /dev/zero | tr '\0' '['; exec cat >/dev/null",
    "answers no object": r"printf '\0\0\0\002[]'; exec cat >/dev/null",
    "answers no numbers": r"""printf '\0\0\0\002{}\0\0\0\001a\0\0\0\001b'; exec cat >/dev/null""",
    "answers no pictures": r"""printf '\0\0\0\115{"width": 1, "height": 1, '
printf '"placeholder": "aaaaaaaaaa", "frames": [[0, null]]}'
printf '\0\0\0\001a\0\0\0\001b'; exec cat""",
    "stops in the middle": r"printf '\0\0\0\377{'; exit 0",
}


@pytest.mark.parametrize("how", MALFORMED)
@pytest.mark.sampled(3)
def test_a_malformed_response_fails_the_file(
    decoder: Decoder, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    liar = saved(
        tmp_path / "liar",
        rf"""#!/bin/sh
printf '\0\0\0\005ready'
head -c 4 >/dev/null
{MALFORMED[how]}
""".encode(),
    )
    liar.chmod(0o755)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(liar))
        with pytest.raises(Undecodable, match=r"^The file makes the decoder fail$"):
            decoder.derive(photo)

    assert decoder.derive(photo).width == 320


@pytest.mark.parametrize(
    ("frame", "thumbnail"),
    [
        (pictures.jpeg(2401, 10), pictures.webp(100, 10)),
        (pictures.jpeg(100, 10), pictures.webp(401, 10)),
        (pictures.jpeg(100, 10, orientation=6), pictures.webp(100, 10)),
        (pictures.png(100, 10), pictures.webp(100, 10)),
        (pictures.jpeg(100, 10), pictures.jpeg(100, 10)),
        (b"<html></html>", pictures.webp(100, 10)),
    ],
    ids=["a large frame", "a large thumbnail", "a turned frame", "a PNG frame", "a JPEG thumbnail", "a page"],
)
def test_a_response_with_pictures_that_our_child_never_makes_fails(
    decoder: Decoder,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    frame: bytes,
    thumbnail: bytes,
) -> None:
    messages = [
        b"ready",
        b'{"width": 100, "height": 10, "placeholder": "aaaaaaaaaa", "frames": [[0, null]]}',
        frame,
        thumbnail,
    ]
    answer = saved(
        tmp_path / "answer", b"".join(len(message).to_bytes(4, "big") + message for message in messages)
    )
    liar = saved(tmp_path / "liar", f"#!/bin/sh\nexec cat '{answer}' -\n".encode())
    liar.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(liar))

    with pytest.raises(Undecodable, match=r"^The file makes the decoder fail$"):
        decoder.derive(photo)


def test_the_reason_in_a_response_is_bounded_and_printable(
    decoder: Decoder, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar = saved(
        tmp_path / "liar",
        rb"""#!/bin/sh
printf '\0\0\0\005ready\0\0\017\240{"reason": "\\u0007%03980d"}' 0
exec cat >/dev/null
""",
    )
    liar.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(liar))

    with pytest.raises(Undecodable) as failed:
        decoder.derive(photo)

    assert failed.value.reason == "0" * 299


def damaged(many: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield `many` files, of every format in turn, each damaged differently, with a name for each."""
    whole = {name: make() for name, make in stills.SMALL.items()}
    for number in range(many):
        name = list(whole)[number % len(whole)]
        yield f"{name}, {seed + number}", pictures.mutated(whole[name], seed=seed + number)


def decode_all(
    path: Path, files: Iterator[tuple[str, bytes]], *, files_per_child: int = 300
) -> tuple[int, dict[str, str]]:
    """The number of files that were decoded, and the reasons for the others by name.

    Afterwards no file is open and no memory is lost, and no child has used more memory than allowed.
    """
    limits = Limits(max_pixels=10**6, wall_seconds=20, memory_bytes=1 << 30)
    shown, rejected, before, most = 0, dict[str, str](), resident(), 0
    with Decoder(files_per_child=files_per_child) as decoder:
        for name, data in files:
            path.write_bytes(data)
            try:
                derived = decoder.derive(path, limits=limits)
            except Undecodable as why:
                rejected[name] = why.reason
            else:
                shown += 1
                assert 1 <= derived.frames[0].picture.width <= derived.width, name
            most = max(most, address_space(decoder.pid)) if decoder.pid else most
    assert most <= limits.memory_bytes
    assert (len(os.listdir("/proc/self/fd")), resident()[1] - before[1] < 16 * MIB) == (before[0], True)
    assert [
        name for name, why in rejected.items() if not why.startswith(("The ", "Decoding ", "not supported: "))
    ] == []
    return shown, rejected


def resident() -> tuple[int, int]:
    """The number of this process's open files, and its bytes of memory."""
    return len(os.listdir("/proc/self/fd")), int(
        Path("/proc/self/statm").read_text().split()[1]
    ) * os.sysconf("SC_PAGE_SIZE")


def address_space(pid: int) -> int:
    """The most bytes of address space that a child has used; 0 where it has ended."""
    try:
        return next(
            int(line.split()[1]) * 1024
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmPeak")
        )
    except (FileNotFoundError, StopIteration):
        return 0


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux alone")
@pytest.mark.timeout(900)
def test_the_largest_pictures_are_decoded_or_fail_for_lack_of_memory(
    decoder: Decoder, photo: Path, tmp_path: Path
) -> None:
    side = 10_950  # squared, just within 120 megapixels
    whole = pictures.quarters(side, side)
    makes: dict[str, Callable[[], bytes]] = {
        "JPEG": lambda: stills.encoded(whole, "JPEG", progressive=True),
        "PNG": lambda: stills.encoded(whole, "PNG", compress_level=1),
        "TIFF": lambda: stills.encoded(whole, "TIFF"),
        "a TIFF in one strip": lambda: stills.tiff(
            side, side, pictures.zeros(side, side), channels=1, compression=8
        ),
        "BMP": lambda: stills.encoded(whole, "BMP"),
        "HEIC of 48 megapixels": lambda: stills.encoded(pictures.quarters(8000, 6000), "HEIC", quality=10),
        "AVIF": lambda: stills.encoded(whole, "AVIF"),
    }

    outcomes = dict[str, str]()
    for name, make in makes.items():
        try:
            outcomes[name] = f"{decoder.derive(saved(tmp_path / 'large', make())).frames[0].picture.width}"
        except Undecodable as error:
            outcomes[name] = error.reason

    assert outcomes == dict.fromkeys(makes, "2400") | {"AVIF": "Decoding needed more memory than allowed"}
    assert decoder.derive(photo).width == 320


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_damaged_files_are_decoded_or_rejected_without_a_crash(tmp_path: Path) -> None:
    shown, rejected = decode_all(tmp_path / "damaged", damaged(FUZZ_QUICK, FUZZ_SEED))

    assert {
        name: why
        for name, why in rejected.items()
        if why.startswith(("The file makes", "The file could not", "Decoding"))
    } == {}
    assert shown > FUZZ_QUICK / 10  # the damage does not make every file undecodable
    assert len(rejected) > FUZZ_QUICK / 10  # and some of it does


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(1800)
def test_many_damaged_files_are_decoded_or_rejected(tmp_path: Path) -> None:
    shown, rejected = decode_all(tmp_path / "damaged", damaged(FUZZ_LONG, FUZZ_SEED + FUZZ_QUICK))

    assert shown + len(rejected) == FUZZ_LONG
    assert {
        name: why
        for name, why in rejected.items()
        if why.startswith(("The file makes", "The file could not"))
    } == {}
