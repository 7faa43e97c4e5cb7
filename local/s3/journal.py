"""The event journal: a folder with one file per event. The consumer removes the files.

`write` creates a file atomically. Its name sorts in the order of the sequence.
"""

import os
from pathlib import Path

from local.s3.blobs import sync_folder


class Journal:
    """The folder `.events` with files `<12 digits>.json`; the consumer deletes what it has processed."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        folder.mkdir(parents=True, exist_ok=True)
        for half_written in folder.glob(".*.part"):
            half_written.unlink()

    def write(self, sequence: int, content: str) -> None:
        """Write the event's file. Idempotent."""
        half_written = self._folder / f".{sequence:012}.part"
        with half_written.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
        half_written.replace(self._folder / f"{sequence:012}.json")
        if self._durable:
            sync_folder(self._folder)
