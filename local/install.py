"""Installs a lock file into a virtual environment, then runs a program of that environment.

Runs on the system's Python, before anything is installed. Does nothing when the lock file is installed
already.

    python3 local/install.py run|test|browser [PROGRAM ARGUMENT...]

The environment is `.venv`. Beside a `.venv` of another Python it is `.venv-X.Y`, so that several Pythons can
be tried in turn. The code runs on old Pythons, so that it can report that a Python is too old.
"""

import hashlib
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
CLONE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VERSION = ".".join(str(number) for number in sys.version_info[:2])


def main(lock_name: str, program: "list[str]") -> int:
    """Install, and return the exit code. When it is 0 and a program is named, exec the program instead."""
    folder = environment()
    code = install(lock_name, folder)
    if code == 0 and program:
        os.environ["VIRTUAL_ENV"] = folder
        os.environ["PATH"] = os.path.join(folder, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
        os.execvp(program[0], program)  # noqa: S606 - no shell is needed, so that signals reach the program itself
    return code


def environment() -> str:
    """The path of this Python's virtual environment."""
    first = os.path.join(CLONE, ".venv")
    return first if python_version(first) in (None, VERSION) else first + "-" + VERSION


def python_version(folder: str) -> "str | None":
    """The version (X.Y) of the Python of an environment; None where there is no working environment."""
    if not os.path.exists(os.path.join(folder, "bin", "python")):
        return None
    with open(os.path.join(folder, "pyvenv.cfg")) as file:
        for line in file:
            name, _, value = line.partition("=")
            if name.strip() == "version":
                return ".".join(value.strip().split(".")[:2])
    return None


def install(lock_name: str, folder: str) -> int:
    """Create the environment when it is missing, and install the lock file. 0, or the exit code of the
    failure.
    """
    lock = os.path.join(CLONE, "lock", lock_name + ".txt")
    with open(lock, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    stamp = os.path.join(folder, f".installed-{lock_name}-{digest}")  # a changed lock file has another name
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(stamp) and os.path.exists(python):
        return 0
    folder_name = os.path.basename(folder)
    if not os.path.exists(python):
        if sys.version_info < OLDEST:
            goal = os.environ.get("GOAL", "run")
            print_line(
                f"Vitrine needs Python 3.11 or newer; {sys.executable} is {VERSION}. "
                f"Name a newer one: make {goal} PYTHON=python3.13"
            )
            return 1
        print_line(f"Making {folder_name} with Python {VERSION} ...")
        shutil.rmtree(folder, ignore_errors=True)
        if subprocess.call([sys.executable, "-m", "venv", folder]):
            shutil.rmtree(folder, ignore_errors=True)
            print_line(
                "The virtual environment could not be made (on Debian and Ubuntu it needs the package "
                "python3-venv)."
            )
            return 1
    print_line(
        f"Installing what lock/{lock_name}.txt names into {folder_name}; this takes about a minute, once ..."
    )
    words = [
        python,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--require-hashes",
        "--no-deps",
        "-r",
        lock,
    ]
    code = subprocess.call(words)
    if code:
        print_line("The installation failed; the lines above say why. The next try continues from here.")
        return code
    with open(stamp, "w"):
        pass
    return 0


def print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
