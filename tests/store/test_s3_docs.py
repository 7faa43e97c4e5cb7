"""The commands and files of docs/local-s3.md work as written."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from local.s3 import read_cors, read_notifications
from tests.store.servers import send

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs" / "local-s3.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)\n```", TEXT, re.DOTALL)


def test_the_commands_run_as_written(tmp_path: Path) -> None:
    asks, serves = blocks("sh")
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}

    help_text = subprocess.run(
        shlex.split(asks), env=path, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30
    ).stdout

    assert "--require-if-match-on-delete" in help_text
    anywhere = serves.replace("--port 9000", "--port 0")  # tests have no fixed ports
    with subprocess.Popen(
        ["sh", "-c", f"exec env {anywhere}"], env=path, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert (
                send("GET", process.stdout.readline().split()[-1] + "/vitrine-local/a").code == "AccessDenied"
            )
        finally:
            process.terminate()
    assert process.returncode == -signal.SIGTERM  # after an orderly shutdown
    assert sorted(file.name for file in (tmp_path / ".vitrine" / "s3").iterdir()) == [
        ".events",
        "vitrine-local",
    ]


def test_the_files_are_read_as_written(tmp_path: Path) -> None:
    cors, notify = (tmp_path / name for name in ("cors.json", "notify.json"))
    for file, text in zip((cors, notify), blocks("json"), strict=True):
        file.write_text(text, "utf-8")

    assert len(read_cors(cors)) == len(json.loads(cors.read_text())["CorsRules"])
    assert [wish.prefix for wish in read_notifications(notify)] == ["incoming/", "originals/"]
