"""What the laptop's AWS keeps over restarts: ports, secrets and the demo's key, in one file that only its
owner can read.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from local.places import StartError


@dataclass(frozen=True, slots=True)
class Config:
    """`config.json` in the data folder."""

    api_port: int
    s3_port: int
    access_key_id: str
    secret_access_key: str
    demo_key: str = ""  # the API key that is printed; empty until there is one
    demo_collection: str = ""


def config(folder: Path, *, api_port: int = 8484, s3_port: int = 8485) -> Config:
    """What the folder's config.json says; made with fresh secrets where there is none."""
    try:
        return Config(**json.loads((folder / "config.json").read_text()))
    except FileNotFoundError:
        return keep(
            folder,
            Config(api_port, s3_port, f"LOCAL{secrets.token_hex(8).upper()}", secrets.token_urlsafe(24)),
        )
    except (ValueError, TypeError) as error:
        raise StartError(
            f"{folder / 'config.json'} cannot be read ({error}): repair it, or move {folder} away to begin anew."
        ) from error


def keep(folder: Path, what: Config) -> Config:
    fresh = folder / "config.json.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(what), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / "config.json")
    return what
