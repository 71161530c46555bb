"""Where the AWS provider is out of reach, the tests that need it are skipped and counted, or fail on demand."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from terraform_harness import running_provider

from terraform.command import TerraformError, terraform_env, terraform_path

REQUIRED = "SLIPWAY_REQUIRE_PROVIDER"


@pytest.fixture(scope="session")
def terraform_environment() -> dict[str, str]:
    """The environment in which Terraform finds the AWS provider."""
    try:
        terraform_path()
        return terraform_env()
    except TerraformError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, but {error}")
        pytest.skip(f"no provider: {error}")


@pytest.fixture(scope="session")
def provider(terraform_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment in which Terraform uses one AWS provider that runs for all tests of this process."""
    with running_provider(terraform_environment) as environment:
        yield environment
