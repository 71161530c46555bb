"""What all tests share: the longest go first, so that two workers end at about the same time."""

from __future__ import annotations

import pytest

FIRST = ("tests/rehearsal/", "tests/terraform/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((i for i, folder in enumerate(FIRST) if item.nodeid.startswith(folder)), len(FIRST))

    items.sort(key=rank)
