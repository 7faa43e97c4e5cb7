"""The connections of a process, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from local import CLONE

PROGRAM = """
import sys
sys.path[:0] = ["layers/core"]
from vitrine import db
from vitrine.db import Statement
from vitrine.models.people import Nobody

def one(*, n: int) -> int:
    return n

print(db.read(Nobody(), Statement("select 1 as n", one)))
"""


def test_a_process_ends_without_waiting_for_its_connections() -> None:
    """From Python 3.13 on psycopg waits 5 seconds, with a warning, for each thread of a pool that is still
    open when the interpreter ends.
    """
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=CLONE, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "[1]\n", "")
