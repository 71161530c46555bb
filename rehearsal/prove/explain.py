"""``make explain ROLE=...``: what may this role do, who may take it on, and what did it do last time."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policies.environments import environment_names, environment_plan
from policies.plan import BOOTSTRAP, Plan, UnreadableError, listed
from policies.resolve import ResolveError
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.patterns import matches
from rehearsal.prove import sides
from rehearsal.prove.compare import EXCUSED, UNUSED, USED, RoleEvidence, opened
from rehearsal.prove.network import NetworkPath, paths
from rehearsal.prove.reasons import ReasonError, read_reasons
from rehearsal.prove.roles import Role, resource_policies, roles
from rehearsal.prove.used import EvidenceError
from rehearsal.prove.words import conditions, either, nouns, principals, short
from rehearsal.run import DEFAULT_FOLDER
from terraform.command import TerraformError

WIDTH = 100
FOUND, UNKNOWN = 0, 2


@dataclass
class Page:
    """Text that grows section by section, never wider than a terminal."""

    lines: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        self.lines += ["", text.upper(), ""] if self.lines else [text, "=" * min(len(text), WIDTH)]

    def put(self, text: str, indent: int = 2, hanging: int = 2) -> None:
        """A paragraph; names and ARNs stay whole unless one alone is wider than the page."""
        self.lines += textwrap.wrap(
            text,
            WIDTH,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_on_hyphens=False,
        )

    def items(self, label: str, values: Iterable[str], indent: int = 4) -> None:
        """``label`` with one value behind it, or several below each other."""
        values = list(values)
        for at, value in enumerate(values):
            lead = f"{label} " if at == 0 else " " * (len(label) + 1)
            self.put(f"{' ' * indent}{lead}{value}".rstrip(), 0, indent + len(label) + 3)


def main(arguments: list[str] | None = None) -> int:
    """Print the page; returns 0, or 2 with the names that there are when the role is unknown."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.prove.explain", description=__doc__)
    parser.add_argument("role", nargs="?", default="", help="name of a role; none: list them")
    parser.add_argument("--env", default="", choices=["", *environment_names()], help="default: what the name says")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where the last rehearsal was written")
    chosen = parser.parse_args(arguments)
    try:
        plans = chosen_plans(chosen.role, chosen.env)
        known = roles(plans)
        if chosen.role not in known:
            said = f"no role is called {chosen.role!r}" if chosen.role else "name a role: make explain ROLE=..."
            print(f"explain: {said}. There are, in {', '.join(p.environment for p in plans)}:", file=sys.stderr)
            for name, role in known.items():
                print(f"  {name:50} {role.description}"[:WIDTH], file=sys.stderr)
            return UNKNOWN
        print("\n".join(explain(known[chosen.role], plans, evidence(plans, chosen.role, chosen.folder))))
    except (PolicyEvaluationError, ReasonError, ResolveError, TerraformError, UnreadableError) as error:
        print(f"explain: {error}", file=sys.stderr)
        return UNKNOWN
    return FOUND


def chosen_plans(role: str, environment: str) -> list[Plan]:
    """The plans in which to look: of one environment, and of the account around it."""
    names = environment_names()
    named = [name for name in names if f"-{name}-" in f"{role}-"]
    chosen = environment or (named[0] if named else sides.REHEARSED)
    plan = environment_plan(chosen)
    return [plan, sides.account_plan(plan)]


def evidence(plans: list[Plan], role: str, folder: Path) -> RoleEvidence | None:
    """What the last rehearsal used of a role's grants; None when it was none of its roles, or nothing is known."""
    if plans[0].environment != sides.REHEARSED:
        return None
    try:
        found = sides.compared(plans, folder / "aws" / "uses.jsonl", read_reasons())
    except EvidenceError:
        return None
    return next((one for one in found if one.role == role and one.rows), None)


def explain(role: Role, plans: list[Plan], seen: RoleEvidence | None) -> list[str]:
    """The page about one role, a line each."""
    page, names = Page(), nouns(plans)
    page.title(role.name)
    page.put(f"{role.description}." if role.description else "No description.", 0)
    page.put(f"{role.origin}: {role.address}", 0)
    page.title("Who may take it on")
    for statement in listed(role.trust.get("Statement")):
        _trust(page, statement, names)
    _statements(page, role, names, seen)
    _boundary(page, role, names)
    _resources(page, role, plans, names)
    plan = plans[1] if role.origin == BOOTSTRAP else plans[0]
    _network(page, [path for path in paths(plan, roles(plans)) if path.component.role == role.name])
    _use(page, seen)
    return page.lines


def _trust(page: Page, statement: Mapping[str, Any], names: Mapping[str, str]) -> None:
    who = " or ".join(principals(statement, names))
    page.put(f"{who} may, with {either(map(str, listed(statement.get('Action'))), names)}")
    _conditions(page, statement, names)


def _statements(page: Page, role: Role, names: Mapping[str, str], seen: RoleEvidence | None) -> None:
    rows = {(row.grant.policy, row.grant.statement, row.grant.action): row for row in seen.rows} if seen else {}
    for effect, heading in (("Allow", "What it may do"), ("Deny", "What it may never do, whatever allows it")):
        found = [
            (policy, statement)
            for policy, document in role.documents.items()
            for statement in listed(document.get("Statement"))
            if statement.get("Effect") == effect
        ]
        if not found:
            continue
        page.title(heading)
        for policy, statement in found:
            sid = str(statement.get("Sid", "without a name"))
            page.put(sid if ":policy/" not in policy else f"{sid} ({policy.rsplit('/', 1)[-1]})")
            marks = {USED: "", EXCUSED: " (unused, with a reason)", UNUSED: " (unused)"}
            actions = [str(action) for action in listed(statement.get("Action"))]
            states = {action: rows[policy, sid, action].state for action in actions if (policy, sid, action) in rows}
            page.items("may" if effect == "Allow" else "not", _actions(actions, states, marks))
            resources = [short(str(resource), names) for resource in listed(statement.get("Resource"))]
            page.items("on", ["everything"] if resources == ["*"] else resources)
            _conditions(page, statement, names)


def _actions(actions: list[str], states: Mapping[str, str], marks: Mapping[str, str]) -> Iterator[str]:
    """Actions of one service on one line, what no rehearsal used marked."""
    by_service: dict[str, list[str]] = {}
    for action in actions:
        service, _, name = action.partition(":")
        wide = f" [{len(opened(action))} actions]" if "*" in action and opened(action) else ""
        by_service.setdefault(service, []).append(f"{name or 'everything'}{wide}{marks[states.get(action, USED)]}")
    for service, found in by_service.items():
        yield f"{service}: {', '.join(found)}"


def _boundary(page: Page, role: Role, names: Mapping[str, str]) -> None:
    page.title("The ceiling over it")
    if not role.boundary:
        page.put("None: it has no permissions boundary.")
        return
    page.put(f"{role.boundary.rsplit('/', 1)[-1]} allows what is above only within these, and forbids the rest:")
    for statement in listed(role.boundary_document.get("Statement")):
        actions = [str(action) for action in listed(statement.get("Action"))]
        if statement.get("Effect") == "Allow":
            mine = [pattern for pattern in actions if any(_meet(pattern, own) for own in _own(role))]
            if mine:
                page.items("may", _actions(mine, {}, {USED: ""}))
        else:
            what = f"anything but {', '.join(listed(statement.get('NotAction')))}" if not actions else ""
            page.items("not", [what or line for line in _actions(actions or [":"], {}, {USED: ""})])
            _conditions(page, statement, names, 6)


def _conditions(page: Page, statement: Mapping[str, Any], names: Mapping[str, str], indent: int = 4) -> None:
    *others, last = conditions(statement, names) or [""]
    page.items("if", [*(f"{one}, and" for one in others), *([last] if last else [])], indent)


def _own(role: Role) -> list[str]:
    """The action patterns that the role's own statements allow."""
    return [
        str(action)
        for document in role.documents.values()
        for statement in listed(document.get("Statement"))
        if statement.get("Effect") == "Allow"
        for action in listed(statement.get("Action"))
    ]


def _meet(one: str, other: str) -> bool:
    """Whether two action patterns have an action in common."""
    return matches(one, other, ignore_case=True) or matches(other, one, ignore_case=True)


def _resources(page: Page, role: Role, plans: list[Plan], names: Mapping[str, str]) -> None:
    named = [str(r) for d in role.documents.values() for s in listed(d.get("Statement")) for r in listed(s["Resource"])]
    carriers = {
        f"{plan.environment}.{r.address}": f"{r.values.get('bucket') or r.values.get('arn') or r.values.get('name')}"
        for plan in plans
        for r in plan.resources
    }
    shown = False
    for address, document in resource_policies(plans).items():
        carrier = carriers[address]
        if not any(_same(carrier, resource) for resource in named):
            continue
        if not shown:
            page.title("What these resources' own policies say about that")
            shown = True
        page.put(f"{names.get(carrier, short(carrier, names))}")
        for statement in listed(document.get("Statement")):
            mine = [str(a) for a in listed(statement.get("Action")) if any(_meet(str(a), own) for own in _own(role))]
            if not mine:
                continue
            who = " or ".join(principals(statement, names))
            verb = "may" if statement.get("Effect") == "Allow" else "may not"
            page.put(f"{who} {verb} {'; '.join(_actions(mine, {}, {USED: ''}))}", 4, 4)
            _conditions(page, statement, names, 6)


def _same(carrier: str, resource: str) -> bool:
    if resource == "*":
        return False
    if resource.startswith("arn:aws:s3:::"):
        return resource.removeprefix("arn:aws:s3:::").split("/")[0] == carrier
    return resource == carrier


def _network(page: Page, found: list[NetworkPath]) -> None:
    page.title("Its way out")
    if not found:
        page.put("No function, job or endpoint of the network runs with it: its calls come from AWS or from outside.")
    for path in found:
        page.put(f"{path.component.kind} {path.component.name}: no route out of the VPC, only through endpoints")
        for way in path.ways:
            page.put(f"to {way.service} ({way.kind} endpoint): {', '.join(way.actions)}", 4, 4)
        if path.component.isolated:
            page.put("its container has no network at all; SageMaker moves its data this way", 4, 4)
        for service, words in path.by_aws.items():
            page.put(f"{service}: not from here; {words}", 4, 4)
        for fault in path.faults:
            page.put(f"FAULT: {fault}", 4, 4)


def _use(page: Page, seen: RoleEvidence | None) -> None:
    page.title("In the last rehearsal")
    if seen is None:
        page.put("Nothing is known: none has been run here, or this is no role of the rehearsal's own.")
        return
    idle = f", {seen.count(EXCUSED)} not, with a reason" if seen.count(EXCUSED) else ""
    missing = f", {seen.count(UNUSED)} not" if seen.count(UNUSED) else ""
    page.put(f"{len(seen.rows)} actions granted: {seen.count(USED)} used{idle}{missing}.")
    reasons: dict[str, list[str]] = {}
    for row in seen.rows:
        if row.state == EXCUSED:
            reasons.setdefault(row.reason, []).append(row.grant.action)
    for reason, actions in reasons.items():
        page.put(f"{', '.join(dict.fromkeys(actions))}: {reason}", 4, 4)
    for use in seen.ungranted:
        page.put(f"used without a grant: {use.action} on {use.resource}", 4, 4)


if __name__ == "__main__":
    sys.exit(main())
