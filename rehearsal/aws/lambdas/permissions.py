"""What Lambda does with a function's role outside of the function's own code, and what it refuses for want of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import InvalidParameterValueException

from rehearsal.aws.context import Acting
from rehearsal.aws.delivery import parse
from rehearsal.aws.iam import acting, decide, kms
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.iam.duties import LAMBDA

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."
_DENIED = "The provided execution role does not have permissions to call {} on {}"


def of(context: Context, name: str, role: str) -> Acting:
    """Return the role of a function as Lambda assumes it."""
    return Acting(role, name, LAMBDA, f"arn:aws:lambda:{context.region}:{context.account_id}:function:{name}")


def of_function(context: Context, fn: Any) -> Acting:
    """Return a function's role as Lambda assumes it."""
    return of(context, str(fn.function_name), str(fn.role))


def demand_creation(context: Context, name: str, role: str, vpc: dict[str, Any], dead_letters: str) -> None:
    """Ask for what AWS checks when a function is made or changed.

    Raises
    ------
    InvalidParameterValueException
        As AWS answers.
    """
    if not decide.deciding():
        return
    who = of(context, name, role)
    try:
        decide.assume(LAMBDA, role, who.source)
    except AccessDeniedError as error:
        raise InvalidParameterValueException(NOT_ASSUMABLE) from error
    try:
        if vpc.get("SubnetIds"):
            acting.demand("function interfaces", who)
    except AccessDeniedError as error:
        raise InvalidParameterValueException(f"{_DENIED.format('CreateNetworkInterface', 'EC2')} ({error})") from error
    if dead_letters:
        target = parse(dead_letters)
        call, service = {"sqs": ("SendMessage", "SQS")}.get(target.service, ("Publish", "SNS"))
        _demand_action(who, f"{target.service}:{call}", dead_letters, _DENIED.format(call, service))


def demand_polling(context: Context, fn: Any, queue_arn: str) -> None:
    """Ask for what an event source mapping needs of its function's role.

    Raises
    ------
    InvalidParameterValueException
        As AWS answers.
    """
    try:
        acting.demand("function queue", of_function(context, fn), [queue_arn])
    except AccessDeniedError as error:
        raise InvalidParameterValueException(f"{_DENIED.format('ReceiveMessage', 'SQS')} ({error})") from error


def may_poll(context: Context, fn: Any, queue_arn: str) -> bool:
    """Whether Lambda may take messages from a queue with the function's role, and decrypt them."""
    who = of_function(context, fn)
    if not acting.may("function queue", who, [queue_arn]):
        return False
    try:
        queue = {"QueueUrl": parse(queue_arn).resource}
        acting.demand_call("function queue", "sqs", "ReceiveMessage", queue, acting=who)
    except AccessDeniedError:
        return False
    return True


def removed(context: Context, fn: Any) -> None:
    """A function that was in a VPC is gone: Lambda removes its interfaces."""
    if (fn.vpc_config or {}).get("SubnetIds"):
        acting.may("function interfaces removed", of_function(context, fn))


def demand_start(context: Context, fn: Any) -> None:
    """Ask for what a new execution environment takes: the variables, which may be encrypted with a key.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    who, key = of_function(context, fn), getattr(fn, "kms_key_arn", None)
    if not key or not fn.environment_vars or not decide.deciding():
        return
    label = "aws:lambda:FunctionArn"
    keys = {
        **kms.through("lambda", context.account_id, context.region),
        f"kms:EncryptionContext:{label}": who.source,
    }
    acting.demand("function environment", who, [key], keys)


def trace(context: Context, fn: Any) -> None:
    """Send the trace of an invocation, which nothing here receives."""
    if (getattr(fn, "tracing_config", None) or {}).get("Mode") == "Active":
        acting.may("function traces", of_function(context, fn))


def _demand_action(who: Acting, action: str, resource: str, message: str) -> None:
    from rehearsal.aws.iam.mapping import Check

    try:
        decide.as_role(who, "function dead letters", [Check(action, resource)])
    except AccessDeniedError as error:
        raise InvalidParameterValueException(f"{message} ({error})") from error
