"""Every command and example in README, CONTRIBUTING and docs is run and does what the document says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.given import pictures
from tests.laptop.test_operating import call

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MAKE = re.compile(r"`?make ([a-z-]+)")
PYTHON = ".venv/bin/python"


def commands(language: str = "sh") -> list[tuple[str, str]]:
    """Every command of every shell block, as (name of the document, command)."""
    found: list[tuple[str, str]] = []
    for document in DOCUMENTS:
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL
        ):
            found += [
                (document.name, line.partition("#")[0].strip())
                for line in block.splitlines()
                if line.partition("#")[0].strip()
            ]
    return found


def test_every_command_begins_with_a_program_that_is_tested() -> None:
    known = {"make", "curl", "python3", "python", PYTHON}

    assert {
        next(word for word in shlex.split(line) if "=" not in word)
        for _, line in [*commands(), *commands("shell")]
    } <= known
    assert len(commands()) >= 4


def test_every_make_target_of_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {
        target
        for document in DOCUMENTS
        for target in MAKE.findall(document.read_text())
        if "`make " + target in document.read_text()
    }

    assert named <= targets
    assert {"run", "test", "doctor"} <= targets


def test_the_curl_command_of_the_readme_works(tenant: Tenant) -> None:
    (line,) = [line for name, line in commands() if name == "README.md" and line.startswith("curl ")]
    filled = (
        line.replace("sk_live_...", tenant.studio.key or "")
        .replace("http://127.0.0.1:8484", os.environ["API_URL"])
        .replace("{datasetId}", tenant.collection_id.hex)
    )

    _, _, header, url = shlex.split(filled)
    name, _, value = header.partition(": ")
    answers = [httpx.get(url, headers={name: value}).text]
    if shutil.which("curl"):  # curl is not among the programs that the tests need
        answers.append(
            subprocess.run(
                [*shlex.split(filled), "--fail", "-sS"],
                check=True,
                capture_output=True,
                text=True,
                timeout=30,
            ).stdout
        )

    assert all('"media":[]' in answer for answer in answers)


def test_the_operators_commands_of_the_readme_work() -> None:
    word = uuid4().hex
    mine = {
        "example.org": f"{word}.example.org",
        "The Archive": f"The Archive {word}",
        "the-archive": f"the-archive-{word}",
    }
    lines = [
        re.sub("|".join(mine), lambda found: mine[found.group()], line)
        for name, line in commands()
        if name == "README.md" and line.startswith(f"{PYTHON} -m local ")
    ]

    answered: dict[str, str] = {}
    for _, _, _, *words in map(shlex.split, lines):
        ended = call(*words)
        assert ended.code == 0, ended.err
        answered[" ".join(words[:2])] = ended.out

    assert list(answered) == [
        "user add",
        "org add",
        "org set-role",
        "key add",
        "key list",
        "user sign-out",
        "org list",
    ]
    me = httpx.get(
        f"{os.environ['API_URL']}/api/me", headers={"x-api-key": answered["key add"].strip()}
    ).json()
    assert (me["email"], me["organizationName"], me["role"]) == (
        f"editor@{word}.example.org",
        f"The Archive {word}",
        "editor",
    )
    listed = [
        line.split() for line in answered["org list"].splitlines() if line.startswith(f"the-archive-{word} ")
    ]
    assert [line[:-1] for line in listed] == [
        [f"the-archive-{word}", "The", "Archive", word, "2", "0", "10000000000"]
    ]


def test_the_upload_example_uploads(tenant: Tenant, tmp_path: Path) -> None:
    (line,) = [line for name, line in commands() if name == "uploading.md"]
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(pictures.jpeg(320, 200, seed=11))
    words = shlex.split(line)
    assert words[0] == "python3"
    filled = [
        sys.executable,
        str(ROOT / words[1]),
        os.environ["API_URL"],
        tenant.studio.key or "",
        str(photo),
    ]

    done = subprocess.run(filled, check=True, capture_output=True, text=True, timeout=60)

    picture = httpx.get(done.stdout.strip(), follow_redirects=True)
    assert (picture.status_code, picture.content) == (200, photo.read_bytes())
    assert tenant.inconsistencies() == []


def test_the_upload_example_prints_the_reason_of_a_rejection(tenant: Tenant, tmp_path: Path) -> None:
    diary = tmp_path / "diary.jpg"
    diary.write_bytes(b"Dear diary")

    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "tools/upload.py"),
            os.environ["API_URL"],
            tenant.studio.key or "",
            str(diary),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1] == "rejected: The file is not a picture or video of a type that is taken"
    )


def script(
    tenant: Tenant, *words: str, key: str | None = None, origin: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(ROOT / "tools/upload.py"),
        origin or os.environ["API_URL"],
        tenant.studio.key or "" if key is None else key,
    ]
    return subprocess.run([*command, *words], check=False, capture_output=True, text=True, timeout=60)


def test_the_upload_example_imports_a_folder(tenant: Tenant, tmp_path: Path) -> None:
    (line,) = [line for name, line in commands("shell") if name == "uploading.md"]
    words = shlex.split(line)
    assert words[:4] == ["python3", "tools/upload.py", "http://127.0.0.1:8484", "sk_live_..."]
    other = tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Trips"}).json()
    collection = other.get("dataset", other)["id"]
    trip = tmp_path / words[-1]
    photos = {"a.jpg": 1, "day 1/a.jpg": 2, "day 1/\u00e9/b.mts": 3}
    for name, seed in photos.items():
        (trip / name).parent.mkdir(parents=True, exist_ok=True)
        (trip / name).write_bytes(pictures.jpeg(64, 48, seed=seed))
    (trip / "day 1" / "diary.jpg").write_bytes(b"Dear diary")
    (trip / "empty.jpg").touch()
    for junk in (".DS_Store", "Thumbs.db", ".hidden/x.jpg", "__MACOSX/a.jpg"):
        (trip / junk).parent.mkdir(exist_ok=True)
        (trip / junk).write_bytes(b"junk")

    done = script(
        tenant,
        *[
            collection if word == "COLLECTION_ID" else str(trip) if word == "trip" else word
            for word in words[4:]
        ],
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "trip/empty.jpg: An empty file cannot be uploaded",
        "trip/day 1/diary.jpg: rejected: The file is not a picture or video of a type that is taken",
        "3 of 5 files are uploaded",
    ]
    links = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())
    assert {name: httpx.get(link, follow_redirects=True).content for name, link in links.items()} == {
        f"trip/{name}": (trip / name).read_bytes() for name in photos
    }
    assert tree_of(tenant, collection) == {
        "trip/": {"a.jpg": {}, "day 1/": {"a.jpg": {}, "\u00e9/": {"b.mts": {}}}}
    }
    assert tree_of(tenant, tenant.collection_id.hex) == {}
    assert tenant.inconsistencies() == []


def tree_of(tenant: Tenant, collection: str, path: str | None = None) -> dict[str, Any]:
    """The contents of a collection, or of a folder of it: names of files and, with a slash, of folders."""
    listed = tenant.studio.get(
        f"/api/dataset/{collection}/media", params={"path": path} if path else {}
    ).json()["media"]
    return {
        item["name"] + "/" * (item["type"] == "folder"): tree_of(tenant, collection, item["path"])
        if item["type"] == "folder"
        else {}
        for item in listed
    }


def test_a_folder_of_good_files_is_uploaded_with_exit_code_0(tenant: Tenant, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.jpg").write_bytes(pictures.jpeg(64, 48, seed=4))

    done = script(tenant, str(tmp_path / "one"))

    assert (done.returncode, done.stderr.splitlines()) == (0, ["1 of 1 files are uploaded"])
    assert tree_of(tenant, tenant.collection_id.hex) == {"one/": {"a.jpg": {}}}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("a wrong key", "The key is not accepted: Missing or invalid authentication"),
        ("a key that is none", "The key is not accepted: it has characters that no key has"),
        ("a viewer", "This takes the role owner, admin or editor; yours is viewer"),
        ("no such collection", "Collection not found"),
        ("a collection that is none", "holiday is no id of a collection: it has 32 hexadecimal digits"),
        ("nobody there", "http://127.0.0.1:9 cannot be reached: [Errno 111] Connection refused"),
        ("no address", "localhost:8484 is no address of an API: one is http://127.0.0.1:8484"),
        ("no such file", "/nowhere/photo.jpg does not exist"),
        ("no file", "/dev/null is neither a file nor a folder"),
        ("an empty folder", "There is no file to upload"),
    ],
)
@pytest.mark.sampled(3)
def test_the_upload_script_explains_a_failure_in_a_sentence(
    tenant: Tenant, tmp_path: Path, what: str, sentence: str
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(pictures.jpeg(64, 48, seed=5))
    (tmp_path / "empty").mkdir()

    done = script(
        tenant,
        *{
            "no such file": ["/nowhere/photo.jpg"],
            "no file": ["/dev/null"],
            "an empty folder": [str(tmp_path / "empty")],
        }.get(what, [str(photo)]),
        *{
            "no such collection": ["--collection", "0" * 32],
            "a collection that is none": ["--collection", "holiday"],
        }.get(what, []),
        key={
            "a wrong key": "sk_live_" + "0" * 40,
            "a key that is none": "\u00fc",
            "a viewer": tenant.client("viewer").key or "",
        }.get(what),
        origin={"nobody there": "http://127.0.0.1:9", "no address": "localhost:8484"}.get(what),
    )

    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (1, "", [sentence])


def test_the_upload_script_reports_a_wrong_address(tenant: Tenant, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(pictures.jpeg(64, 48, seed=6))
    form = tenant.studio.get(
        "/api/upload/s3/params", params={"filename": "photo.jpg", "type": "image/jpeg"}
    ).json()
    store = "{0.scheme}://{0.netloc}".format(urlsplit(form["url"]))

    done = script(tenant, str(tmp_path / "photo.jpg"), origin=store)

    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (
        1,
        "",
        [f"{store} does not answer as Vitrine does: is it the API's address?"],
    )


def test_a_name_that_is_not_utf_8_is_printed_on_one_line(tenant: Tenant, tmp_path: Path) -> None:
    (tmp_path / "trip").mkdir()
    for name, seed in ((b"caf\xe9.jpg", 7), (b"two\nlines.jpg", 8)):
        Path(os.fsdecode(os.fsencode(tmp_path / "trip") + b"/" + name)).write_bytes(
            pictures.jpeg(64, 48, seed=seed)
        )

    done = script(tenant, str(tmp_path / "trip"))
    alone = script(tenant, os.fsdecode(os.fsencode(tmp_path / "trip") + b"/caf\xe9.jpg"))

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        r"trip/caf\udce9.jpg: its path is not valid UTF-8; rename it",
        "1 of 2 files are uploaded",
    ]
    assert [line.rsplit(": ", 1)[0] for line in done.stdout.splitlines()] == [r"trip/two\nlines.jpg"]
    assert (alone.returncode, alone.stderr.splitlines()) == (1, ["its name is not valid UTF-8; rename it"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


@pytest.mark.parametrize("command", [line for name, line in commands() if name == "local-s3.md"])
def test_the_commands_of_the_s3_document_run(command: str, tmp_path: Path) -> None:
    words = shlex.split(
        command.replace(".vitrine/s3", str(tmp_path / "s3")).replace("--port 9000", "--port 0")
    )
    given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_0-9]+=", word))
    program = [sys.executable, *words[len(given) + 1 :]]

    with subprocess.Popen(
        program, cwd=ROOT, env=os.environ | given, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        answered = running.stdout.readline()
        running.terminate()

    assert "http://127.0.0.1:" in answered or "usage:" in answered
