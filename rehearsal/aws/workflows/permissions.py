"""What Step Functions does with a state machine's role outside of its tasks, and what it refuses for want of it."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from moto.stepfunctions.exceptions import AWSError

from rehearsal.aws.context import Acting
from rehearsal.aws.iam import acting, decide, kms
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.iam.duties import STATES

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

SESSION = "StepFunctions"

_WAITS = re.compile(r":states:::(?P<service>[a-z-]+):(?P<call>\w+)\.sync")
_RULES = {
    ("sagemaker", "createTrainingJob"): "SageMakerTrainingJobs",
    ("sagemaker", "createTransformJob"): "SageMakerTransformJobs",
    ("sagemaker", "createHyperParameterTuningJob"): "SageMakerTuningJobs",
    ("states", "startExecution"): "StepFunctionsExecution",
}
"""The rule of its own by which Step Functions hears of the end of a job.

https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html
"""


class RoleDeniedError(AWSError):
    """A state machine cannot be made with its role."""

    TYPE = "AccessDeniedException"
    STATUS = 400


def of(role: str, machine: str) -> Acting:
    """Return the role of a state machine as Step Functions assumes it."""
    return Acting(role, SESSION, STATES, machine)


def demand_creation(context: Context, machine: Any, *, changed: bool) -> None:
    """Ask for what AWS checks when a state machine is made or changed.

    Raises
    ------
    RoleDeniedError
        As AWS answers.
    """
    if not decide.deciding():
        return
    who = of(machine.roleArn, machine.arn)
    try:
        decide.assume(STATES, who.role, who.source)
        for rule in _managed_rules(machine.definition):
            arn = f"arn:aws:events:{context.region}:{context.account_id}:rule/StepFunctionsGetEventsFor{rule}Rule"
            acting.demand("workflow managed rule", who, [arn])
        if _logs(machine):
            acting.demand("workflow log delivery", who)
            if changed:
                acting.demand("workflow log delivery changed", who)
    except AccessDeniedError as error:
        raise RoleDeniedError(str(error)) from error


def removed(machine: Any) -> None:
    """A state machine is gone: Step Functions ends the delivery of its logs."""
    if _logs(machine):
        acting.may("workflow log delivery removed", of(machine.roleArn, machine.arn))


def demand_execution(context: Context, machine: Any) -> None:
    """Ask for what an execution takes before its first state: the key of its data and of its logs, and traces.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced: the execution fails with it.
    """
    if not decide.deciding():
        return
    who = of(machine.roleArn, machine.arn)
    decide.assume(STATES, who.role, who.source)
    key = (machine.encryptionConfiguration or {}).get("kmsKeyId")
    arn = (kms.key_arn(key, context.account_id, context.region) or key) if key else ""
    if key:
        state = {"aws:states:stateMachineArn": machine.arn}
        acting.demand("workflow state key", who, [arn], _encrypting(context, state))
    if key and _logs(machine):
        logs = {"SourceArn": f"arn:aws:logs:{context.region}:{context.account_id}:*"}
        acting.demand("workflow log key", who, [arn], _encrypting(context, logs))
    if (machine.tracingConfiguration or {}).get("enabled"):
        acting.may("workflow traces", who)


def demand_children(role: str, machine: str, map_run: str) -> None:
    """Ask for what a Distributed Map needs to start and follow its children.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    who, label = of(role, machine), map_run.rsplit("/", 1)[-1].rsplit(":", 1)[0]
    child = f"{machine.replace(':stateMachine:', ':execution:')}/{label}:{uuid.UUID(int=0)}"
    acting.demand("workflow children", who, [machine])
    acting.demand("workflow children followed", who, [child])


def _managed_rules(definition: str) -> list[str]:
    found = {(match["service"], match["call"]) for match in _WAITS.finditer(definition)}
    return sorted(_RULES[pair] for pair in found if pair in _RULES)


def _logs(machine: Any) -> bool:
    return bool((machine.loggingConfiguration or {}).get("level", "OFF") != "OFF")


def _encrypting(context: Context, pairs: dict[str, str]) -> dict[str, str]:
    named = {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    return {**kms.through("states", context.account_id, context.region), **named}
