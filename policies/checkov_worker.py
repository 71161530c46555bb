"""checkov in a process of its own: it reads one request on stdin and writes one answer on stdout.

It runs in checkov's environment, so it imports nothing of this repository. Everything that checkov says on the way goes
to stderr, where the caller wants silence. A plan is scanned when its path comes, so that all that can be done before
(importing checkov takes seconds, and the code needs no plan) is done by then.

Request: ``{"root", "folders", "skip_paths"}``, then one line per plan: ``{"name", "path"}``, and the end of input.
Answer: ``{"version", "loaded", "scans": [{"name", "resources", "errors", "records": [...]}]}``.
"""

# ruff: noqa: PLC0415 (what checkov says while it is imported must go to stderr too)

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def main() -> int:
    """Answer one request."""
    answer = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr
    request = json.loads(sys.stdin.readline())
    os.environ["EVAL_TF_PLAN_AFTER_UNKNOWN"] = "1"
    os.chdir(request["root"])

    from checkov.common.checks_infra.registry import get_graph_checks_registry
    from checkov.runner_filter import RunnerFilter
    from checkov.terraform.checks.resource.registry import resource_registry
    from checkov.terraform.plan_runner import Runner as PlanRunner
    from checkov.terraform.runner import Runner as CodeRunner
    from checkov.version import version

    scans = []
    for folder in request["folders"]:
        only = RunnerFilter(framework=["terraform"], excluded_paths=request["skip_paths"])
        scans.append(_scan(folder, lambda folder=folder, only=only: CodeRunner().run(folder, runner_filter=only)))
    for line in sys.stdin:
        plan = json.loads(line)
        only = RunnerFilter(framework=["terraform_plan"])
        run = lambda path=plan["path"], only=only: PlanRunner().run(None, files=[path], runner_filter=only)  # noqa: E731
        scans.append(_scan(plan["name"], run))
    graph = get_graph_checks_registry("terraform")
    graph.load_checks()
    loaded = {check.id for checks in resource_registry.checks.values() for check in checks}
    loaded |= {check.id for check in graph.checks}
    json.dump({"version": version, "loaded": sorted(loaded), "scans": scans}, answer)
    answer.close()
    return 0


def _scan(name: str, run: Any) -> dict[str, Any]:
    begin = time.process_time()
    report = run()
    reports = report if isinstance(report, list) else [report]
    kinds = ("passed_checks", "failed_checks", "skipped_checks")
    return {
        "name": name,
        "resources": sum(len(part.resources) for part in reports),
        "errors": [str(error) for part in reports for error in part.parsing_errors],
        "records": [_record(kind, found) for part in reports for kind in kinds for found in getattr(part, kind)],
        "seconds": time.process_time() - begin,
    }


def _record(kind: str, found: Any) -> dict[str, Any]:
    return {
        "outcome": kind.removesuffix("_checks"),
        "check": found.check_id,
        "title": found.check_name,
        "resource": found.resource,
        "file": found.file_path,
        "line": (found.file_line_range or [0])[0],
        "comment": str(found.check_result.get("suppress_comment") or ""),
        "guideline": found.guideline or "",
    }


if __name__ == "__main__":
    sys.exit(main())
