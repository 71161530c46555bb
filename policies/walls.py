"""The wall in a resource's policy: a denial for whoever comes neither through the VPC's endpoints nor by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from policies.breaks import each_statement
from policies.control import Break
from policies.iam import account_of, covers, may
from policies.plan import Plan, anyone, conditions, statements

BY_AWS = ("aws:viaawsservice", "aws:principalisawsservice")  # calls that AWS makes for somebody do not leave AWS


def walled(
    document: Any, resource: str, needed: Sequence[str], endpoints: set[Any], plan: Plan, *, alone: bool
) -> bool:
    """Whether a policy denies all the needed actions on a resource past these endpoints.

    Parameters
    ----------
    alone
        Whether a wall without any endpoint, through which named principals alone come, is one.
    """
    for statement in statements(document, "Deny"):
        held = conditions(statement)
        allowed = held.pop(("stringnotequals", "aws:sourcevpce"), [])
        inside = set(allowed) <= endpoints if allowed else alone
        every = covers(statement, resource) and len(may(statement, needed)) == len(needed)
        if anyone(statement) and inside and every and all(_harmless(*item, plan) for item in held.items()):
            return True
    return False


def change_wall(edit: Callable[[dict[str, Any]], object]) -> Break:
    """A break that edits the statement which is the wall."""
    return each_statement(edit, lambda s: "SourceVpce" in str(s))


def _harmless(operator_and_key: tuple[str, str], values: list[str], plan: Plan) -> bool:
    """Whether a further condition of the denial spares named principals of this account, or AWS itself, and no more."""
    operator, key = operator_and_key
    if operator == "boolifexists" and key in BY_AWS:
        return values == ["false"]
    if operator in ("arnnotlike", "arnnotequals", "stringnotequals", "stringnotlike") and key == "aws:principalarn":
        return all(account_of(arn) == plan.account and "*" not in arn and "?" not in arn for arn in values)
    return False
