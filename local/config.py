"""The laptop's configuration, kept over restarts: ports, secrets and the demo's key, in one file that only
its owner can read.
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
    demo_key: str = ""  # the API key that is printed; empty before it is created
    demo_collection: str = ""


def config(folder: Path, *, api_port: int = 8484, s3_port: int = 8485) -> Config:
    """Read the folder's config.json; create it with new secrets when it is missing.

    Raises StartError when it cannot be read.
    """
    try:
        return Config(**json.loads((folder / "config.json").read_text()))
    except FileNotFoundError:
        return save(
            folder,
            Config(api_port, s3_port, f"LOCAL{secrets.token_hex(8).upper()}", secrets.token_urlsafe(24)),
        )
    except (ValueError, TypeError) as error:
        raise StartError(
            f"{folder / 'config.json'} cannot be read ({error}): repair it, or move {folder} away to begin "
            "anew."
        ) from error


def save(folder: Path, new: Config) -> Config:
    """Replace the folder's config.json atomically and return the new configuration."""
    fresh = folder / "config.json.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(new), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / "config.json")
    return new
