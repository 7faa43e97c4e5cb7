"""Run the benchmarks: `python -m bench` runs all of them, `python -m bench imports move` only these two."""

from __future__ import annotations

import importlib
import subprocess
import sys

ALL = ("imports", "round_trips", "large_upload", "move", "v1", "derive", "video", "tones")


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
        return 2
    # Each benchmark runs in a separate process, because it sets the environment that the library reads once.
    if len(names) != 1:
        return max(
            subprocess.run([sys.executable, "-m", "bench", name], check=False).returncode
            for name in names or ALL
        )
    module = importlib.import_module(f"bench.{names[0]}")
    print(f"\n{names[0]}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
