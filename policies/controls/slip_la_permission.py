"""Who may invoke a function is a source of this account, through the alias."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import drop, put
from policies.control import ACCOUNT, Control
from policies.iam import account_of
from policies.plan import Plan, Resource


def check(permission: Resource, plan: Plan) -> Iterator[str]:
    values = permission.values
    principal = str(values.get("principal"))
    if not principal.endswith(".amazonaws.com") and account_of(principal) != plan.account:
        yield f"{principal} may invoke it"
    if not plan.where("aws_lambda_alias", function_name=values.get("function_name"), name=values.get("qualifier")):
        yield "it is not for an alias"
    if plan.account not in (account_of(values.get("source_arn")), values.get("source_account")):
        yield "it names no source of this account"


CONTROL = Control(
    title="Who may invoke a function is a source of this account, through the alias",
    severity="critical",
    reason="A service principal alone admits the same service in every account on earth.",
    remedy="Set source_arn (and source_account where the ARN holds none), and qualifier = live.",
    types=("aws_lambda_permission",),
    sources=("Lambda.1", "LA-ALIAS"),
    unused="State machines invoke the functions by their role; no service needs a permission.",
    check=check,
    good=[
        (
            "aws_lambda_permission",
            {
                "principal": "s3.amazonaws.com",
                "function_name": "f",
                "qualifier": "live",
                "source_arn": "arn:aws:s3:::b",
                "source_account": ACCOUNT,
            },
        ),
        ("aws_lambda_alias", {"function_name": "f", "name": "live"}),
    ],
    breaks={
        "public": put("principal", "*"),
        "another account": put("principal", "999999999999"),
        "no source": drop("source_account"),
        "unqualified": drop("qualifier"),
    },
)
