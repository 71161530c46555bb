"""``make policies``: checkov over every module and plan, and our own controls over every resolved plan.

It fails when a check fails (exit 1), and also when one could not look (exit 2).
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from policies import builtin, judging
from policies.builtin import Checkov, PolicyError
from policies.environments import environment_names, judged_plans, resolved
from policies.plan import UnreadableError, read_plan
from policies.registry import RegistryError
from policies.reports import add_builtin
from policies.resolve import CACHE, ResolveError, resolve
from policies.roots import folder_root
from policies.scan import WaiverError
from terraform.command import TerraformError

UNTRUSTED = (PolicyError, RegistryError, ResolveError, TerraformError, UnreadableError, WaiverError)


def main(arguments: Sequence[str] = ()) -> int:
    """Scan; returns 0 when everything passed, 1 when a check failed, 2 when the scan cannot be trusted."""
    parser = argparse.ArgumentParser(prog="python -m policies", description=__doc__)
    parser.add_argument("--folder", type=Path, help="judge this folder of Terraform instead, by our own controls")
    parser.add_argument("--plan", type=Path, help="judge this plan instead: a file of `terraform show -json`")
    parser.add_argument("--account", default="111122223333", help="the account that --folder or --plan belongs to")
    parser.add_argument("--region", default="eu-west-1", help="and its region")
    parser.add_argument("--not-production", action="store_true", help="judge it as an environment nobody depends on")
    parser.add_argument("--record", action="store_true", help="record which of checkov's checks look at something")
    given = parser.parse_args(arguments)
    try:
        if given.folder or given.plan:
            return 0 if one(given) else 1
        return 0 if everything(given.record) else 1
    except UNTRUSTED as error:
        print(f"policies: {error}", file=sys.stderr)
        return 2


def everything(record: bool = False) -> bool:
    """Judge the whole repository; whether all passed."""
    begin = time.monotonic()
    today = datetime.datetime.now(datetime.UTC).date()
    misfires = builtin.load_misfires(builtin.MISFIRES.read_text(), today)
    checkov = Checkov()
    try:
        documents = resolved(environment_names())
        planned = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="slipway-policies-") as scratch:
            for name, document in documents.items():
                path = Path(scratch) / f"{name}.json"
                path.write_text(json.dumps(document))
                checkov.plan(name, path)
            verdicts, seconds = judging.judge(judged_plans(documents), today)
            answer = checkov.answer()
    finally:
        checkov.close()
    if record:
        builtin.FLOOR.write_text(json.dumps(builtin.measured(answer), indent=1) + "\n")
    floor = json.loads(builtin.FLOOR.read_text())
    outcome = builtin.judge(answer, checkov.asked, misfires, floor, today)
    builtin.demand_every_module_seen(answer)
    passed = judging.report(verdicts)
    add_builtin(CACHE, outcome)
    for _, line in outcome.failed:
        print(line)
    print(
        f"checkov {answer['version']}: {outcome.passed.total()} passed, {len(outcome.failed)} failed, "
        f"{outcome.skipped.total()} switched off with a reason, over {len(checkov.asked)} scans"
    )
    slow = tell_times(seconds, outcome.seconds)
    print(f"planned in {planned - begin:.1f} s, judged in {time.monotonic() - planned:.1f} s more")
    return passed and not outcome.failed and not slow


def tell_times(own: dict[str, float], builtins: dict[str, float]) -> list[str]:
    """Print what each environment's scan took once it was planned; returns those that took too long."""
    took = {name: seconds + builtins.get(name, 0.0) for name, seconds in own.items()}
    print("CPU of the scans of plans: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))
    slow = [name for name, seconds in took.items() if seconds > judging.PATIENCE_S]
    if slow:
        print(f"too slow, {judging.PATIENCE_S:.0f} s are allowed: {', '.join(slow)}")
    return slow


def one(given: argparse.Namespace) -> bool:
    """Judge one folder or plan by our own controls; whether all passed."""
    name = (given.folder or given.plan).stem
    if given.folder:
        root = folder_root(given.folder, given.account, given.region)
        document = resolve([root], keep=False)[root.name]
    else:
        try:
            document = json.loads(given.plan.read_text())
        except (OSError, ValueError) as error:
            raise PolicyError(f"{given.plan} is no plan in JSON (`terraform show -json`): {error}") from None
        if not isinstance(document, dict) or "resource_changes" not in document:
            raise PolicyError(f"{given.plan} is no plan in JSON: it has no resource_changes")
    plan = read_plan(document, name, given.account, given.region, not given.not_production)
    return judging.report_one(plan)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
