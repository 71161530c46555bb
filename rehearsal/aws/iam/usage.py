"""``python -m rehearsal.aws.iam.usage CALLS STATE``: what roles may do and never did, and did without a grant.

Compares the calls that a rehearsal recorded with the identity policies in its Terraform state, action by action. A
call counts with everything it needs: the key behind a bucket, the role it hands over.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import tables
from rehearsal.aws.iam.document import Policy, read_policy
from rehearsal.aws.iam.errors import PolicyEvaluationError, UnmappedCallError
from rehearsal.aws.iam.mapping import actions
from rehearsal.aws.iam.passing import role_paths
from rehearsal.aws.iam.patterns import matches
from rehearsal.aws.iam.reference import reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True)
class Usage:
    """One role's grants beside its calls.

    Parameters
    ----------
    unused
        (policy, statement, action pattern) that no call needed.
    ungranted
        Actions that calls needed and no statement allows.
    breadth
        How many actions of the reference the role's patterns allow: 1 per action where no wildcard is.
    """

    role: str
    granted: frozenset[tuple[str, str, str]]
    used: frozenset[str]
    unused: frozenset[tuple[str, str, str]]
    ungranted: frozenset[str]
    breadth: int


def used_actions(calls: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the actions that each role's calls needed, from the lines of ``calls.jsonl``.

    Raises
    ------
    UnmappedCallError
        For a call whose actions nothing tells.
    """
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for line in calls:
        call = json.loads(line)
        if ":assumed-role/" in call["principal"]:
            role = call["principal"].split(":assumed-role/", 1)[1].split("/", 1)[0]
            found[role].add((_model(call["service"], call["operation"]), call["operation"]))
    return {
        role: frozenset(action for call in sorted(asked) for action in _needed(*call)) for role, asked in found.items()
    }


def compare(policies: Mapping[str, Iterable[Policy]], used: Mapping[str, frozenset[str]]) -> list[Usage]:
    """Return every role of either side, in order of name."""
    return [
        _usage(role, list(policies.get(role, ())), used.get(role, frozenset())) for role in sorted({*policies, *used})
    ]


def policies_of_state(state: Mapping[str, Any]) -> dict[str, list[Policy]]:
    """Return the identity policies by role name from ``terraform show -json`` or a Terraform state file.

    Raises
    ------
    PolicyEvaluationError
        For a malformed document.
    """
    found: dict[str, list[Policy]] = {}
    managed: dict[str, str] = {}
    rows = list(_resources(state))
    for kind, values in rows:
        if kind == "aws_iam_role":
            found.setdefault(values["name"], [])
        elif kind == "aws_iam_policy":
            managed[values["arn"]] = values["policy"]
    for kind, values in rows:
        if kind == "aws_iam_role_policy":
            found.setdefault(values["role"], []).append(read_policy("identity", values["name"], values["policy"]))
        elif kind == "aws_iam_role_policy_attachment" and values["policy_arn"] in managed:
            arn = values["policy_arn"]
            found.setdefault(values["role"], []).append(read_policy("identity", arn, managed[arn]))
    return found


def _usage(role: str, policies: list[Policy], used: frozenset[str]) -> Usage:
    granted = frozenset(
        (policy.name, statement.sid, pattern)
        for policy in policies
        for statement in policy.statements
        if statement.effect == "Allow" and not statement.not_actions
        for pattern in statement.actions
    )
    unused = frozenset(row for row in granted if not any(matches(row[2], action, ignore_case=True) for action in used))
    patterns = {pattern for _, _, pattern in granted}
    ungranted = frozenset(a for a in used if not any(matches(pattern, a, ignore_case=True) for pattern in patterns))
    breadth = sum(1 for action in _all_actions() if any(matches(p, action, ignore_case=True) for p in patterns))
    return Usage(role, granted, used, unused, ungranted, breadth)


def _needed(service: str, operation: str) -> list[str]:
    passed = ["iam:PassRole"] if role_paths(service, operation) else []
    return [*actions(service, operation, {}), *tables.SERVICE_KEYS.get((service, operation), ()), *passed]


def _model(service: str, operation: str) -> str:
    if service == "sagemaker" and operation.startswith("InvokeEndpoint"):
        return "sagemaker-runtime"
    return tables.MODELS.get(service, service)


def _all_actions() -> Iterator[str]:
    for prefix, service in reference().items():
        yield from (f"{prefix}:{name}" for name in service["actions"])


def _resources(state: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in state.get("resources", []):  # a state file
        for instance in resource.get("instances", []):
            yield resource["type"], instance["attributes"]
    if "values" in state:  # terraform show -json
        yield from _module(state["values"]["root_module"])


def _module(module: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in module.get("resources", []):
        yield resource["type"], resource["values"]
    for child in module.get("child_modules", []):
        yield from _module(child)


def main(argv: list[str] | None = None) -> int:
    """Print a role a line and its differences below; exit status 1 when a role did what nothing grants."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.aws.iam.usage", description=__doc__)
    parser.add_argument("calls", type=Path, help="calls.jsonl of an embedded AWS")
    parser.add_argument("state", type=Path, help="Terraform state file, or the output of terraform show -json")
    args = parser.parse_args(argv)
    try:
        with args.calls.open(encoding="utf-8") as lines:
            used = used_actions(lines)
        found = compare(policies_of_state(json.loads(args.state.read_text(encoding="utf-8"))), used)
    except (OSError, ValueError, KeyError, PolicyEvaluationError, UnmappedCallError) as error:
        print(f"rehearsal.aws.iam.usage: {error}", file=sys.stderr)
        return 2
    for usage in found:
        print(f"{usage.role}: {len(usage.granted)} granted ({usage.breadth} actions), {len(usage.unused)} unused")
        for policy, sid, pattern in sorted(usage.unused):
            print(f"  unused     {pattern}  ({policy}, statement {sid})")
        for action in sorted(usage.ungranted):
            print(f"  ungranted  {action}")
    return 1 if any(usage.ungranted for usage in found) else 0


if __name__ == "__main__":
    sys.exit(main())
