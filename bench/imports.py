"""The CPU time of importing an endpoint, compared with bare pydantic and psycopg."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 11
BARE = """
import psycopg
from pydantic import BaseModel
class Body(BaseModel):
    name: str
"""
MEASURED = {
    "bare pydantic + psycopg": BARE,
    "get_me (the leanest)": "import functions.get_me.handler",
    "get_media": "import functions.get_media.handler",
    "sign_part": "import functions.sign_part.handler",
    "complete_upload": "import functions.complete_upload.handler",
}


def main() -> None:
    """Print the median CPU time of each import and its ratio to the bare import. Each import runs in a new
    process; the imports alternate.
    """
    times: dict[str, list[float]] = {name: [] for name in MEASURED}
    for code in MEASURED.values():
        _cpu(code)  # writes the bytecode files that are missing
    for _ in range(ROUNDS):
        for name, code in MEASURED.items():
            times[name].append(_cpu(code) - _cpu(""))
    bare = statistics.median(times["bare pydantic + psycopg"])
    for name, each in times.items():
        median = statistics.median(each)
        print(f"  {name:28} {median * 1000:6.0f} ms CPU   {median / bare:5.2f} x bare")


def _cpu(code: str) -> float:
    """Run the code in a new Python process. Return the process's CPU time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "layers/core", ROOT / "layers/imaging")))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
