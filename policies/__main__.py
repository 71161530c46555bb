"""``make policies``: checkov over every module, failing when a check fails and also when one could not look.

checkov by itself ends with 0 when a file cannot be parsed or nothing was scanned at all; so this asks for the numbers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHECKOV = ROOT / ".venv-policies" / "bin" / "checkov"
MISFIRES = ROOT / "policies" / "misfires.yaml"
SCANNED = ("terraform/modules", "terraform/bootstrap")


class PolicyError(Exception):
    """The scan cannot be trusted, so it counts as failed."""


def main() -> int:
    """Scan; returns 0 when everything passed, 1 when a check failed, 2 when the scan cannot be trusted."""
    try:
        summary, failed = scan(load_misfires())
    except PolicyError as error:
        print(f"policies: {error}", file=sys.stderr)
        return 2
    for line in failed:
        print(line)
    print(f"policies: {summary['passed']} passed, {len(failed)} failed, {summary['skipped']} skipped with a reason")
    return 1 if failed else 0


def load_misfires() -> dict[str, str]:
    """Ids of switched-off checks and why; PolicyError for one without a reason."""
    misfires: dict[str, str] = yaml.safe_load(MISFIRES.read_text())
    for check, reason in misfires.items():
        if not isinstance(reason, str) or len(reason) < 20:
            raise PolicyError(f"{MISFIRES.name}: {check} has no reason: write why it misfires, or remove it")
    return misfires


def scan(misfires: dict[str, str]) -> tuple[Counter[str], list[str]]:
    """Run checkov on all folders at once; returns counts and one line per failed check."""
    if not CHECKOV.exists():
        raise PolicyError("checkov is not installed: run `make policies`, which sets it up")
    folders = [argument for folder in SCANNED for argument in ("--directory", str(ROOT / folder))]
    command = [str(CHECKOV), *folders, "--framework", "terraform", "--skip-download", "--output", "json"]
    finished = subprocess.run(
        [*command, "--skip-check", ",".join(misfires)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    try:
        answer = json.loads(finished.stdout)
    except ValueError:
        raise PolicyError(f"checkov gave no JSON (exit {finished.returncode}): {finished.stderr[-2000:]}") from None
    if finished.stderr.strip():
        raise PolicyError(f"checkov complained, so its verdict does not count:\n{finished.stderr[-2000:]}")
    return judge(answer if isinstance(answer, list) else [answer])


def judge(reports: list[dict[str, Any]]) -> tuple[Counter[str], list[str]]:
    """Counts and failures of checkov's reports; PolicyError when a file was unreadable, unseen or silently skipped."""
    counts: Counter[str] = Counter()
    failed: list[str] = []
    passed_files: set[str] = set()
    for report in reports:
        results = report.get("results")
        if results is None:
            raise PolicyError(f"checkov scanned nothing: {json.dumps(report)[:300]}")
        if results["parsing_errors"]:
            raise PolicyError("checkov cannot read: " + ", ".join(results["parsing_errors"]))
        for check in results["skipped_checks"]:
            if not (check["check_result"].get("suppress_comment") or "").strip():
                raise PolicyError(f"{check['file_path']}: skip of {check['check_id']} without a reason")
        counts.update(passed=len(results["passed_checks"]), skipped=len(results["skipped_checks"]))
        passed_files |= {str(check["file_path"]) for check in results["passed_checks"]}
        failed += [
            f"{c['check_id']} {c['file_path']}:{c['file_line_range'][0]} {c['resource']}: {c['check_name']}"
            for c in results["failed_checks"]
        ]
    modules = {path.parent.name for path in (ROOT / "terraform" / "modules").glob("*/main.tf")}
    unseen = {name for name in modules if not any(f"/{name}/" in file for file in passed_files)}
    if unseen:
        raise PolicyError(f"no check looked at the modules: {', '.join(sorted(unseen))}")
    return counts, sorted(set(failed))


if __name__ == "__main__":
    sys.exit(main())
