"""The two sides of the comparison: what the present Terraform grants, and what a rehearsal's journals say was used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from policies.environments import environment_names, environment_plans
from policies.plan import Plan, listed
from policies.resolve import resolve
from policies.roots import part_root
from rehearsal.account import INPUTS
from rehearsal.prove.bootstrap import bootstrap_plan, plan_of, root
from rehearsal.prove.compare import RoleEvidence, Row, compare
from rehearsal.prove.reasons import Reason, stale
from rehearsal.prove.roles import resource_policies, roles
from rehearsal.prove.used import uses
from rehearsal.run import Options
from terraform.stacks.synth import load_all, part, synthesise
from training.workloads import spec

REHEARSED = "rehearsal"


def rehearsed_plans(workload: str = "") -> list[Plan]:
    """What a workload's rehearsal applies: its environment, and the account around it. Raises as ``resolve`` does."""
    names = [one.name for one in spec.together(spec.load(workload or Options().workload))]
    settings = part(load_all([REHEARSED])[REHEARSED], names)
    roots = [part_root(REHEARSED, synthesise({REHEARSED: settings})[REHEARSED]), root(INPUTS)]
    documents = resolve(roots)
    return [plan_of(one, documents) for one in roots]


def account_plan(plan: Plan) -> Plan:
    """The account around an environment that is planned."""
    inputs = (
        INPUTS
        if plan.environment == REHEARSED
        else {
            **{name: value for name, value in INPUTS.items() if name != "disposable_environments"},
            "account_id": plan.account,
            "administrators": [f"arn:aws:iam::{plan.account}:role/slipway-administrator"],
            "environments": [plan.environment],
            "region": plan.region,
        }
    )
    return bootstrap_plan(inputs)


def every_environment() -> dict[str, Plan]:
    """Every environment by name, production first, each with the boundary that its roles carry."""
    return environment_plans(environment_names())


def compared(plans: Iterable[Plan], journal: Path, reasons: list[Reason]) -> list[RoleEvidence]:
    """Every role's grants beside its uses. EvidenceError when the journal cannot be read."""
    plans = list(plans)
    on_resources = [
        str(statement.get("Sid"))
        for content in resource_policies(plans).values()
        for statement in listed(content.get("Statement"))
    ]
    # Lambda makes the statements of a function's policy itself, from the permissions that Terraform asks for.
    on_resources += [str(r.values.get("statement_id")) for plan in plans for r in plan.of("aws_lambda_permission")]
    return compare(roles(plans), uses(journal), reasons, on_resources)


def stale_reasons(
    found: Iterable[RoleEvidence],
    reasons: list[Reason],
    pending: Callable[[RoleEvidence, Row], bool] = lambda *_: False,
) -> list[str]:
    """Entries of the file that excuse nothing; those for what may still be used are left alone."""
    found = list(found)
    rows = [row for one in found for row in one.rows]
    waiting = [row.grant for one in found for row in one.rows if pending(one, row)]
    idle = [row.grant for row in rows if not row.actions]
    return stale(reasons, [row.grant for row in rows], [*idle, *waiting])
