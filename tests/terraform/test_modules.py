"""Every module is formatted, valid, tested, documented, and its README's example plans what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from terraform_harness import (
    diagnostics,
    example_folder,
    initialised,
    module_folders,
    planned_resources,
    terraform,
)

from terraform import docs

FOLDERS = docs.folders()
EXAMPLE = re.compile(r"```hcl\n# plans (?P<count>\d+) resources\n(?P<code>.+?)```", re.DOTALL)

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])


def test_there_is_something_to_test() -> None:
    assert {folder.name for folder in module_folders()} >= {"boundary", "bucket", "keys", "network", "role"}


@each_folder
def test_variables_and_outputs_are_sorted_typed_and_described(folder: Path) -> None:
    inputs, outputs = docs.inputs(folder), docs.outputs(folder)
    for items in (inputs, outputs):
        names = [item.name for item in items]
        assert names == sorted(names)
        assert [item.name for item in items if not item.description.endswith((".", ")"))] == [], "no full sentence"
    assert [item.name for item in inputs if not item.type] == [], "no type"
    assert [item.name for item in inputs if item.type in ("any", "map(any)", "list(any)")] == [], "an open type"


@each_folder
def test_readme_tables_are_fresh(folder: Path) -> None:
    assert (folder / "README.md").read_text() == docs.renewed(folder), "stale: run python -m terraform.docs"


@pytest.mark.provider
def test_code_is_formatted(terraform_environment: dict[str, str]) -> None:
    finished = terraform("fmt", "-check", "-recursive", folder=docs.ROOT, env=terraform_environment)
    assert finished.returncode == 0, f"run terraform fmt -recursive terraform:\n{finished.stdout}{finished.stderr}"


@pytest.mark.provider
@each_folder
def test_terraform_tests_pass_and_nothing_is_warned_of(folder: Path, provider: dict[str, str]) -> None:
    """Every run validates the configuration first, and reports what `terraform validate` would warn of."""
    assert list(folder.glob("tests/*.tftest.hcl")), f"{folder.name} has no tests/*.tftest.hcl"
    finished = terraform("test", "-json", folder=folder, env=initialised(folder, provider))
    assert finished.returncode == 0, diagnostics(finished)
    assert diagnostics(finished, "warning") == ""


@each_folder
def test_every_validation_is_shown_to_refuse(folder: Path) -> None:
    guarded = {
        name for name, body in docs.blocks(docs.parse(folder / "variables.tf"), "variable") if body.get("validation")
    }
    tests = "".join(path.read_text() for path in folder.glob("tests/*.tftest.hcl"))
    refused = set(re.findall(r"\bvar\.(\w+)", "".join(re.findall(r"expect_failures\s*=\s*\[[^]]*\]", tests))))
    assert guarded - refused == set()


@pytest.mark.slow  # every folder is planned with its tests already
@pytest.mark.provider
@each_folder
def test_readme_example_plans_what_it_says(folder: Path, provider: dict[str, str]) -> None:
    found = EXAMPLE.search((folder / "README.md").read_text())
    assert found, f"{folder.name}/README.md needs a block ```hcl that begins with '# plans <number> resources'"
    example = example_folder(folder, found["code"])
    formatted = terraform("fmt", "-check", "-diff", folder=example, env=provider)
    assert formatted.returncode == 0, f"the README's example is not formatted:\n{formatted.stdout}"
    resources = planned_resources(example, initialised(example, provider))
    assert len(resources) == int(found["count"]), sorted(resource["address"] for resource in resources)
