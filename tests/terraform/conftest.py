"""One AWS provider for all configurations that a process of the tests tries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from terraform_harness import running_provider


@pytest.fixture(scope="session")
def provider(terraform_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which Terraform uses one AWS provider that runs for all tests of this process."""
    with running_provider(terraform_environment) as environment:
        yield environment
