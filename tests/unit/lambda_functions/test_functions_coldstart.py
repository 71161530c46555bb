"""The cold-start budget of each function.yaml, held in a fresh interpreter by what is imported: no clock is asked."""

from __future__ import annotations

import functools
import io
import os
import subprocess
import sys
import tempfile
import zipfile

import pytest
import yaml

from functions import build
from tests.unit import functions_support as support

NAMES = build.names()
# botocore and urllib3 take these where they happen to be installed; Lambda's runtime has none.
OPTIONAL_PACKAGES = {"awscrt", "brotli", "brotlicffi", "certifi", "zstandard"}
# A budget so far above the truth would hold nothing.
SLACK = 1.15
PROGRAM = """
import sys
before = set(sys.modules)
import handler
assert callable(handler.handle)
print(*sorted(set(sys.modules) - before), sep="\\n")
"""

each_function = pytest.mark.parametrize("name", NAMES)


def budget(name: str) -> dict[str, object]:
    return yaml.safe_load((support.FUNCTIONS / name / "function.yaml").read_text())["cold_start"]


@functools.cache
def loaded(name: str) -> tuple[str, ...]:
    """Modules that the handler in the committed zip imports, all of them new to a bare interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO((build.DIST / f"{name}.zip").read_bytes())).extractall(folder)
        environment = {"PYTHONPATH": folder, "AWS_REGION": "eu-west-1", "PATH": os.environ["PATH"]}
        finished = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    assert finished.returncode == 0, finished.stderr
    return tuple(module for module in finished.stdout.split() if package(module) not in OPTIONAL_PACKAGES)


def package(module: str) -> str:
    return module.partition(".")[0].removeprefix("_")


@each_function
def test_the_committed_zip_loads_no_package_but_those_it_may(name):
    foreign = {module.partition(".")[0] for module in loaded(name)} - sys.stdlib_module_names - {"handler", "common"}
    assert foreign == set(budget(name)["packages"])


@each_function
def test_the_number_of_modules_is_within_the_budget_and_the_budget_is_close(name):
    allowed = budget(name)["modules"]
    assert len(loaded(name)) <= allowed, f"{name} imports {len(loaded(name))} modules; look at python -X importtime"
    assert allowed <= SLACK * len(loaded(name)), f"cold_start.modules of {name} is too generous: {len(loaded(name))} do"


@each_function
def test_the_zip_is_within_the_budget_and_the_budget_is_close(name):
    size_kb = (build.DIST / f"{name}.zip").stat().st_size / 1000
    assert size_kb <= budget(name)["package_kb"] <= 100
    assert budget(name)["package_kb"] <= 1.35 * size_kb


@each_function
def test_no_service_model_is_read_at_a_cold_start(name):
    slow = {
        "boto3",
        "botocore.session",
        "botocore.client",
        "botocore.loaders",
        "botocore.model",
        "botocore.credentials",
    }
    assert not slow & set(loaded(name))


@each_function
def test_every_module_in_the_zip_is_needed(name):
    packed = {path.removesuffix(".py").replace("/", ".") for path in build.members(name)}
    assert packed - {"common.__init__"} <= set(loaded(name))
