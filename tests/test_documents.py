"""The documents are run: every command and example in README and docs does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from tests import pictures
from tests.test_operating import call

if TYPE_CHECKING:
    from tests.tenants import Tenant

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKE = re.compile(r"`?make ([a-z-]+)")
OURS = ".venv/bin/python"


def commands() -> list[tuple[str, str]]:
    """Every line of every shell block, with its document."""
    found: list[tuple[str, str]] = []
    for document in DOCUMENTS:
        for block in re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL):
            found += [(document.name, line.partition("#")[0].strip()) for line in block.splitlines() if line.partition("#")[0].strip()]
    return found


def test_every_command_is_one_that_a_test_runs() -> None:
    known = {"make", "curl", "python3", "python", OURS}

    assert {next(word for word in shlex.split(line) if "=" not in word) for _, line in commands()} <= known
    assert len(commands()) >= 4


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {target for document in DOCUMENTS for target in MAKE.findall(document.read_text()) if "`make " + target in document.read_text()}

    assert named <= targets
    assert {"run", "test", "doctor"} <= targets


def test_the_curl_of_the_readme_answers(tenant: Tenant) -> None:
    (line,) = [line for name, line in commands() if name == "README.md" and line.startswith("curl ")]
    filled = (
        line.replace("sk_live_...", tenant.studio.key or "")
        .replace("http://127.0.0.1:8484", os.environ["API_URL"])
        .replace("{datasetId}", tenant.collection_id.hex)
    )

    _, _, header, url = shlex.split(filled)
    name, _, value = header.partition(": ")
    answers = [httpx.get(url, headers={name: value}).text]
    if shutil.which("curl"):        # not part of what the tests need
        answers.append(subprocess.run([*shlex.split(filled), "--fail", "-sS"], check=True, capture_output=True, text=True, timeout=30).stdout)

    assert all('"media":[]' in answer for answer in answers)


def test_the_operators_commands_do_what_they_say() -> None:
    word = uuid4().hex
    mine = {"example.org": f"{word}.example.org", "The Archive": f"The Archive {word}", "the-archive": f"the-archive-{word}"}
    lines = [
        re.sub("|".join(mine), lambda found: mine[found.group()], line)
        for name, line in commands() if name == "README.md" and line.startswith(f"{OURS} -m local ")
    ]

    said: dict[str, str] = {}
    for _, _, _, *words in map(shlex.split, lines):
        ended = call(*words)
        assert ended.code == 0, ended.err
        said[" ".join(words[:2])] = ended.out

    assert list(said) == ["user add", "org add", "org set-role", "key add", "key list", "user sign-out", "org list"]
    me = httpx.get(f"{os.environ['API_URL']}/api/me", headers={"x-api-key": said["key add"].strip()}).json()
    assert (me["email"], me["organizationName"], me["role"]) == (f"editor@{word}.example.org", f"The Archive {word}", "editor")
    listed = [line.split() for line in said["org list"].splitlines() if line.startswith(f"the-archive-{word} ")]
    assert [line[:-1] for line in listed] == [[f"the-archive-{word}", "The", "Archive", word, "2", "0", "10000000000"]]


def test_the_upload_example_uploads(tenant: Tenant, tmp_path: Path) -> None:
    (line,) = [line for name, line in commands() if name == "uploading.md"]
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(pictures.jpeg(320, 200, seed=11))
    words = shlex.split(line)
    assert words[0] == "python3"
    filled = [sys.executable, str(ROOT / words[1]), os.environ["API_URL"], tenant.studio.key or "", str(photo)]

    done = subprocess.run(filled, check=True, capture_output=True, text=True, timeout=60)

    picture = httpx.get(done.stdout.strip(), follow_redirects=True)
    assert (picture.status_code, picture.content) == (200, photo.read_bytes())
    assert tenant.trouble() == []


def test_the_upload_example_says_what_is_wrong(tenant: Tenant, tmp_path: Path) -> None:
    diary = tmp_path / "diary.jpg"
    diary.write_bytes(b"Dear diary")

    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/upload.py"), os.environ["API_URL"], tenant.studio.key or "", str(diary)],
        check=False, capture_output=True, text=True, timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "rejected: The file is not a picture or video of a type that is taken"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


@pytest.mark.parametrize("command", [line for name, line in commands() if name == "local-s3.md"])
def test_the_commands_of_the_s3_document_run(command: str, tmp_path: Path) -> None:
    words = shlex.split(command.replace(".vitrine/s3", str(tmp_path / "s3")).replace("--port 9000", "--port 0"))
    given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_0-9]+=", word))
    program = [sys.executable, *words[len(given) + 1:]]

    with subprocess.Popen(program, cwd=ROOT, env=os.environ | given, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = running.stdout.readline()
        running.terminate()

    assert "http://127.0.0.1:" in said or "usage:" in said
