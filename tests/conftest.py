"""What all tests share: how thoroughly properties are tried, and how the tests are spread over the workers."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from terraform.command import ROOT, TerraformError, terraform_env, terraform_path
from tests.demand import lacking

# `make verify` sets HYPOTHESIS_PROFILE=verify. No limits of time: they would measure the machine's load, not the code.
settings.register_profile("quick", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("verify", settings.get_profile("quick"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# The longest first, so that the workers end at about the same time. A name makes one worker run all tests of that
# place, because what they share is dear: a rehearsal, an embedded AWS, Terraform's provider, a browser, a model.
PLACES = {
    "tests/rehearsal/test_rehearsal.py": "rehearsal",
    "tests/rehearsal/": "",
    "tests/terraform/": "provider",
    "tests/unit/aws_sagemaker/": "sagemaker",
    "tests/unit/aws_core/": "core",
    "tests/unit/iam/test_iam_gate": "gate",
    "tests/unit/test_training_job.py": "training",
    "tests/unit/test_training_quantise.py": "quantise",
    "tests/unit/test_workflow_": "workflow",
    "tests/unit/serving/": "serving",
    "tests/unit/lambda_functions/": "functions",
    "tests/browser/": "browser",
    "tests/unit/test_report_page.py": "report",
    "tests/unit/test_loadtest_run.py": "",
}


# What a machine may lack, by the mark of the tests that need it.
NEEDED = {
    "provider": "Terraform's AWS provider",
    "browser": "Chromium and its driver",
    "sdk": "the SageMaker SDK (.venv-sdk)",
}
REQUIRE_PROVIDER = "SLIPWAY_REQUIRE_PROVIDER"


@pytest.fixture(scope="session")
def terraform_environment() -> dict[str, str]:
    """The environment in which Terraform finds the AWS provider; where it does not, skip, or fail on demand."""
    try:
        terraform_path()
        return terraform_env()
    except TerraformError as error:
        lacking(f"no provider: {error}", REQUIRE_PROVIDER)


@pytest.fixture(scope="session")
def sdk() -> None:
    """The environment of the SageMaker SDK; where it is missing, skip, or fail on demand."""
    if not (ROOT / ".venv-sdk" / "bin" / "python").exists():
        lacking("no .venv-sdk: python3 requirements/install.py sdk", "SLIPWAY_REQUIRE_SDK")


def place(nodeid: str) -> int:
    """Return the number of a test's place; the length of PLACES for tests of no place."""
    return next((number for number, start in enumerate(PLACES) if nodeid.startswith(start)), len(PLACES))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid))


class ByPlace(LoadScopeScheduling):
    """Hands out tests in their order, and those of a named place together.

    pytest-xdist's own groups hang on the names of tests, and with pytest 9.2 they are without effect.
    """

    def _split_scope(self, nodeid: str) -> str:
        return [*PLACES.values(), ""][place(nodeid)] or nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    config.option.loadscopereorder = False  # it would begin with the place of the most tests, which is not the longest
    return ByPlace(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not proved, in lines of their own. Here, as the first process of pytest-xdist reads no deeper."""
    stats = terminalreporter.stats
    for mark, thing in NEEDED.items():
        if skipped := sum(mark in report.keywords for report in stats.get("skipped", [])):
            demand = f"SLIPWAY_REQUIRE_{mark.upper()}=1"
            terminalreporter.write_line(
                f"NOT PROVED: {skipped} tests skipped for want of {thing}; {demand} fails instead"
            )
    for report in stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "terraform_note":
                terminalreporter.write_line(str(value))
