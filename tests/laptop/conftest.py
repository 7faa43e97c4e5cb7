"""Fixtures of the tests of the laptop's AWS."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.given import stack


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """The owner's URL of a server in which tests create databases."""
    with stack.cluster() as url:
        yield url


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Generator[str]:
    with stack.database(server_url) as url:
        yield url
