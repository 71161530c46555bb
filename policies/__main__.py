"""``make policies``: checkov over every module and our own controls over every environment's resolved plan.

It fails when a check fails and also when one could not look: checkov by itself ends with 0 when a file cannot be parsed
or nothing was scanned at all; so this asks for the numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from policies.environments import report_environments
from policies.plan import UnreadableError
from policies.registry import RegistryError
from policies.resolve import ResolveError
from policies.scan import WaiverError
from terraform.command import TerraformError

ROOT = Path(__file__).resolve().parent.parent
CHECKOV = ROOT / ".venv-policies" / "bin" / "checkov"
MISFIRES = ROOT / "policies" / "misfires.yaml"
SCANNED = ("terraform/modules", "terraform/bootstrap")
SHORTEST_REASON = 20


class PolicyError(Exception):
    """The scan cannot be trusted, so it counts as failed."""


@dataclass(frozen=True)
class Misfires:
    """Checks that are switched off altogether, and single findings (check, resource) that are known."""

    checks: dict[str, str]
    findings: dict[tuple[str, str], str]


def main() -> int:
    """Scan; returns 0 when everything passed, 1 when a check failed, 2 when the scan cannot be trusted."""
    try:
        misfires = load_misfires(MISFIRES.read_text())
        counts, failed = judge([scan(folder, misfires) for folder in SCANNED], misfires)
        demand_every_module_seen(counts)
        secure = report_environments()
    except (PolicyError, RegistryError, ResolveError, TerraformError, UnreadableError, WaiverError) as error:
        print(f"policies: {error}", file=sys.stderr)
        return 2
    for line in failed:
        print(line)
    print(f"checkov: {counts['passed']} passed, {len(failed)} failed, {counts['skipped']} skipped with a reason")
    return 0 if secure and not failed else 1


def load_misfires(text: str) -> Misfires:
    """Read misfires.yaml; PolicyError for an entry without a reason."""
    document = yaml.safe_load(text)
    findings = {(entry["check"], entry["resource"]): entry.get("reason") for entry in document["findings"]}
    for name, reason in {**document["checks"], **findings}.items():
        if not isinstance(reason, str) or len(reason) < SHORTEST_REASON:
            raise PolicyError(f"{MISFIRES.name}: {name} has no reason: write why it misfires, or remove it")
    return Misfires(document["checks"], findings)


def scan(folder: str, misfires: Misfires) -> dict[str, Any]:
    """Run checkov over one folder and return its report; PolicyError when it gave none, or complained."""
    if not CHECKOV.exists():
        raise PolicyError("checkov is not installed: run `make policies`, which sets it up")
    command = [str(CHECKOV), "--directory", folder, "--framework", "terraform", "--skip-download", "--output", "json"]
    command += ["--skip-path", "/tests/", "--skip-check", ",".join(misfires.checks)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if finished.stderr.strip():
        raise PolicyError(
            f"checkov complained about {folder}, so its verdict does not count:\n{finished.stderr[-2000:]}"
        )
    try:
        report: dict[str, Any] = json.loads(finished.stdout)
    except ValueError:
        raise PolicyError(f"checkov gave no JSON for {folder} (exit {finished.returncode})") from None
    if not isinstance(report, dict) or "results" not in report:
        raise PolicyError(f"checkov scanned nothing in {folder}: {finished.stdout[:300]}")
    return report


def judge(reports: list[dict[str, Any]], misfires: Misfires) -> tuple[Counter[str], list[str]]:
    """Counts (``passed``, ``skipped``, ``file:PATH`` of passed checks) and one line per failed check.

    PolicyError when a file was unreadable, a skip has no reason, or a known finding is no longer found.
    """
    counts: Counter[str] = Counter()
    failed: set[str] = set()
    found: set[tuple[str, str]] = set()
    for report in reports:
        results = report["results"]
        if results["parsing_errors"]:
            raise PolicyError("checkov cannot read: " + ", ".join(results["parsing_errors"]))
        for check in results["skipped_checks"]:
            if not (check["check_result"].get("suppress_comment") or "").strip():
                raise PolicyError(f"{check['file_path']}: skip of {check['check_id']} without a reason")
        counts.update(passed=len(results["passed_checks"]), skipped=len(results["skipped_checks"]))
        counts.update(f"file:{check['file_path']}" for check in results["passed_checks"])
        for check in results["failed_checks"]:
            finding = (check["check_id"], check["resource"])
            if finding in misfires.findings:
                found.add(finding)
                counts["skipped"] += 1
                continue
            place = f"{check['file_path']}:{check['file_line_range'][0]}"
            failed.add(f"{finding[0]} {place} {finding[1]}: {check['check_name']}")
    if gone := set(misfires.findings) - found:
        raise PolicyError(f"{MISFIRES.name}: no longer found, so delete: {sorted(gone)}")
    return counts, sorted(failed)


def demand_every_module_seen(counts: Counter[str]) -> None:
    """PolicyError for a module in which no check has looked at anything."""
    modules = {path.parent.name for path in (ROOT / "terraform" / "modules").glob("*/main.tf")}
    files = [name for name in counts if name.startswith("file:")]
    unseen = sorted(name for name in modules if not any(f"/{name}/" in file for file in files))
    if unseen:
        raise PolicyError(f"no check looked at the modules: {', '.join(unseen)}")


if __name__ == "__main__":
    sys.exit(main())
