"""Every environment's resolved plan, judged by every control."""

from __future__ import annotations

import datetime
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from policies.boundary import with_boundary
from policies.plan import Plan, read_plan
from policies.registry import controls
from policies.reports import table, write_junit, write_sarif
from policies.resolve import CACHE, resolved_plan
from policies.scan import Verdict, apply_waivers, never_evaluated, read_waivers, scan
from terraform.command import ENVIRONMENTS

AT_ONCE = 2  # a plan is half Terraform's own work and half waiting for its provider to start
WAIVERS = Path(__file__).resolve().parent / "waivers.yaml"


def environment_names() -> list[str]:
    """All environments of the repository, production first: it is what matters."""
    return sorted((p.parent.name for p in ENVIRONMENTS.glob("*/main.tf.json")), key=lambda name: (name != "prod", name))


def environment_plan(name: str) -> Plan:
    """The resolved plan of one environment, with the boundary that its roles carry."""
    provider = json.loads((ENVIRONMENTS / name / "main.tf.json").read_text())["provider"]["aws"]
    settings = provider[0] if isinstance(provider, list) else provider
    plan = read_plan(resolved_plan(name), name, settings["allowed_account_ids"][0], settings["region"])
    return with_boundary(plan)


def judge_environments(today: datetime.date | None = None) -> list[Verdict]:
    """Every verdict over every environment, with the waived findings marked."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        plans = list(pool.map(environment_plan, environment_names()))
    verdicts = [verdict for plan in plans for verdict in scan(plan, controls())]
    entries = yaml.safe_load(WAIVERS.read_text())["waivers"] or []
    return apply_waivers(verdicts, read_waivers(entries, today or datetime.datetime.now(datetime.UTC).date()))


def report_environments() -> bool:
    """Judge, print the table and write the SARIF and JUnit files; returns whether everything passed."""
    begin = time.monotonic()
    verdicts = judge_environments()
    silent = never_evaluated(verdicts, controls())
    CACHE.mkdir(parents=True, exist_ok=True)
    write_sarif(CACHE / "controls.sarif", verdicts, controls())
    write_junit(CACHE / "controls.xml", verdicts)
    for line in table(verdicts):
        print(line)
    for name in silent:
        print(f"{name} judged nothing in any environment: either it looks past its resources, or it needs `unused`")
    print(f"controls: {len(controls())} over {len(environment_names())} environments, {time.monotonic() - begin:.1f} s")
    return not silent and not any(verdict.outcome == "failed" for verdict in verdicts)
