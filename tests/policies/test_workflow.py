"""The pipeline runs what `make policies` is, with pinned actions and no right that it does not need."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from policies.judging import REPORTS
from policies.resolve import CACHE
from terraform.command import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXT = (ROOT / ".github" / "workflows" / "policies.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)  # YAML 1.1 reads the key `on` as true
JOBS = WORKFLOW["jobs"]
STEPS = [(name, step) for name, job in JOBS.items() for step in job["steps"]]
FOLDER = CACHE.relative_to(ROOT)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_a_commit_with_its_release_beside_it(path: Any) -> None:
    uses = re.findall(r"uses: *(.*)", path.read_text())
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_it_runs_on_every_pull_request_and_on_main() -> None:
    on = WORKFLOW[True]
    assert on["push"] == {"branches": ["main"]}
    assert "pull_request" in on
    assert on["pull_request"] is None, "no paths and no branches may be left out"
    assert "pull_request_target" not in on


def test_the_token_reads_and_only_the_upload_may_write_findings() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    rights = {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job}
    assert rights == {"findings": {"actions": "read", "contents": "read", "security-events": "write"}}
    uploads = [name for name, step in STEPS if "upload-sarif" in step.get("uses", "")]
    assert uploads == ["findings"]
    assert [step for name, step in STEPS if name == "findings" and "run" in step] == [], (
        "it runs no code of the request"
    )


def test_what_is_checked_out_holds_no_token() -> None:
    checkouts = [step for _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_nothing_that_others_write_is_put_into_a_command() -> None:
    assert [step["run"] for _, step in STEPS if "${{" in step.get("run", "")] == []


def test_jobs_end_by_themselves_and_old_runs_make_room() -> None:
    assert all(job["timeout-minutes"] <= 30 for job in JOBS.values())
    assert "github.ref" in WORKFLOW["concurrency"]["group"]


def test_the_commands_are_there() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    called = [target for _, step in STEPS for target in re.findall(r"^make (\w+)", step.get("run", ""), re.MULTILINE)]
    assert called == ["policies"]
    assert set(called) <= set(targets)


def test_the_reports_are_kept_also_when_the_gate_failed() -> None:
    kept = next(step for _, step in STEPS if "upload-artifact" in step.get("uses", ""))
    assert kept["with"]["path"].split() == [f"{FOLDER}/{name}" for name in REPORTS]
    table = next(step for _, step in STEPS if "GITHUB_STEP_SUMMARY" in step.get("run", ""))
    assert kept["if"] == table["if"] == "${{ !cancelled() }}"
    assert f"{FOLDER}/controls.md" in table["run"]
    upload = next(step for _, step in STEPS if "upload-sarif" in step.get("uses", ""))
    assert upload["with"]["sarif_file"] in REPORTS
    assert JOBS["findings"]["needs"] == "scan"
    assert "!cancelled()" in JOBS["findings"]["if"]
