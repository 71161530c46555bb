"""A workload's session lasts an hour at most."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import put
from policies.control import Control
from policies.plan import Plan, Resource


def check(role: Resource, _: Plan) -> Iterator[str]:
    if (role.values.get("max_session_duration") or 3600) > 3600:
        yield f"a session lasts {role.values['max_session_duration']} s"


CONTROL = Control(
    title="A workload's session lasts an hour at most",
    severity="low",
    reason="Services renew their sessions; a stolen one should end soon.",
    remedy="Leave max_session_seconds at 3600.",
    types=("aws_iam_role",),
    sources=("WA-LEAST",),
    check=check,
    good=[("aws_iam_role", {"max_session_duration": 3600})],
    breaks={"half a day": put("max_session_duration", 43200), "two hours": put("max_session_duration", 7200)},
)
