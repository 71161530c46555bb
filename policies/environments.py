"""The resolved plans that are judged: every environment, and the bootstrap of an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from policies.boundary import ACCOUNT, REGION, account_root, with_boundary
from policies.plan import BOOTSTRAP, Plan, read_plan
from policies.resolve import resolve
from policies.roots import Root, environment_names, environment_root
from terraform.command import ENVIRONMENTS

AT_ONCE = 2  # what plans by itself is half Terraform's own work and half waiting for its provider to start

__all__ = ["AT_ONCE", "environment_names", "environment_plan", "environment_plans", "judged_plans", "resolved"]


def resolved(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Resolved plans of environments and, under ``bootstrap``, of an account, planned all together where not kept."""
    return resolve([*map(environment_root, names), account_root()])


def judged_plans(documents: dict[str, dict[str, Any]]) -> dict[str, Plan]:
    """What ``resolved`` gave as the controls see it, each environment with the boundary that its roles carry."""
    bootstrap = documents[BOOTSTRAP]
    plans = {
        name: with_boundary(_plan(environment_root(name), document), bootstrap)
        for name, document in documents.items()
        if name != BOOTSTRAP
    }
    return plans | {BOOTSTRAP: read_plan(bootstrap, BOOTSTRAP, ACCOUNT, REGION)}


def environment_plans(names: Sequence[str]) -> dict[str, Plan]:
    """The judged plans of some environments."""
    plans = judged_plans(resolved(names))
    return {name: plans[name] for name in names}


def environment_plan(name: str) -> Plan:
    """The judged plan of one environment. Raises ResolveError, TerraformError or UnreadableError."""
    return environment_plans([name])[name]


def _plan(root: Root, document: dict[str, Any]) -> Plan:
    settings = yaml.safe_load((ENVIRONMENTS / root.name / "settings.yaml").read_text())
    return read_plan(document, root.name, root.account, root.region, settings.get("production") is not False)
