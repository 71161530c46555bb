"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.serving.serving_server import Server, write_model


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server of one's own."""
    started = []

    def starter(*arguments: str, model: Path | None = None, **environment: str) -> Server:
        started.append(Server(model or write_model(tmp_path / "model"), *arguments, **environment))
        return started[-1]

    yield starter
    for server in started:
        server.end()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that all tests share."""
    running = Server(write_model(tmp_path_factory.mktemp("colours")), "serve").ready()
    yield running
    assert running.end() == 0
