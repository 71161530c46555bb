"""One embedded AWS for all drills: it takes seconds to furnish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rehearsal.faults.world import World, world

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", name="furnished")
def furnished_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("drills")) as made:
        yield made
