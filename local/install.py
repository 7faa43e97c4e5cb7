"""Makes .venv and installs a lock file into it; nothing when that was done. Runs on the system's own Python, before anything is there.

    python3 local/install.py run|test|browser

Written for the oldest Python it may meet, so that it can refuse it in words.
"""

import hashlib
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
CLONE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(CLONE, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")


def main(wanted: str) -> int:
    lock = os.path.join(CLONE, "lock", wanted + ".txt")
    with open(lock, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    stamp = os.path.join(VENV, f".installed-{wanted}-{digest}")  # a changed lock has another name
    if os.path.exists(stamp) and os.path.exists(PYTHON):
        return 0
    if not os.path.exists(PYTHON):
        mine = ".".join(str(number) for number in sys.version_info[:2])
        if sys.version_info < OLDEST:
            say(f"Vitrine needs Python 3.11 or newer; {sys.executable} is {mine}. Name a newer one: make {goal()} PYTHON=python3.13")
            return 1
        say(f"Making .venv with Python {mine} ...")
        shutil.rmtree(VENV, ignore_errors=True)
        if subprocess.call([sys.executable, "-m", "venv", VENV]):
            shutil.rmtree(VENV, ignore_errors=True)
            say("The virtual environment could not be made (on Debian and Ubuntu it needs the package python3-venv).")
            return 1
    say(f"Installing what lock/{wanted}.txt names into .venv; this takes about a minute, once ...")
    words = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps", "-r", lock]
    code = subprocess.call(words)
    if code:
        say("The installation failed; the lines above say why. The next try goes on from here.")
        return code
    with open(stamp, "w"):
        pass
    return 0


def goal() -> str:
    return os.environ.get("GOAL", "run")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)
