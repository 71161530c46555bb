"""What all tests share: how thoroughly properties are tried, and how the tests are spread over two workers."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# `make verify` sets HYPOTHESIS_PROFILE=verify. No limits of time: they would measure the machine's load, not the code.
settings.register_profile("quick", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("verify", settings.get_profile("quick"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# The longest first, so that two workers end at about the same time. A name makes one worker run all tests of that
# place, because what they share is dear: an embedded AWS, Terraform's provider, a browser, a trained model.
PLACES = {
    "tests/rehearsal/test_rehearsal.py": "rehearsal",
    "tests/rehearsal/": "",
    "tests/terraform/test_modules.py": "provider",
    "tests/unit/aws_sagemaker/": "sagemaker",
    "tests/unit/aws_core/": "core",
    "tests/unit/test_training_job.py": "training",
    "tests/unit/test_workflow_asl.py": "workflow",
    "tests/unit/test_serving_server.py": "serving",
    "tests/unit/test_functions_collect.py": "collect",
    "tests/unit/test_functions_handlers.py": "handlers",
    "tests/browser/": "browser",
    "tests/unit/test_report_page.py": "report",
    "tests/unit/test_loadtest_run.py": "",
    "tests/terraform/": "",
}


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist would begin with the group of the most tests, which is not the longest.
    config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = list(PLACES)

    def rank(item: pytest.Item) -> int:
        return next((i for i, place in enumerate(places) if item.nodeid.startswith(place)), len(places))

    items.sort(key=rank)
    for item in items:
        group = PLACES.get(places[rank(item)]) if rank(item) < len(places) else ""
        if group and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))
