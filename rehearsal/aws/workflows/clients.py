"""The clients with which tasks call services: over HTTP, with session credentials of the state machine's role."""

from __future__ import annotations

import sys
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import decide
from rehearsal.aws.iam.duties import STATES
from rehearsal.aws.workflows import permissions

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_RENEW_SECONDS = 1500  # shorter than the life of the credentials in a client
_SLOWEST_CALL = 900  # seconds: the longest that a function may run


def install(context: Context) -> None:
    """Replace the interpreter's client factory.

    Raises
    ------
    RuntimeError
        When the interpreter is already imported: its modules hold copies of the old factory.
    """
    import moto.stepfunctions.parser.asl.utils.boto_client as factory

    if any(name.endswith("state_task_service_aws_sdk") for name in sys.modules):
        raise RuntimeError("moto's Step Functions interpreter was imported before the embedded AWS changed it")
    made: dict[tuple[Any, ...], Any] = {}
    lock = threading.Lock()

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role = getattr(state_credentials, "role_arn", None)
        if role is None:  # the interpreter only asks for the operations that there are
            return _nobody(service, region)
        acting = permissions.of(role, _machine(context, role))
        decide.assume(STATES, role, acting.source)
        key = (region, service, acting, int(time.monotonic()) // _RENEW_SECONDS)
        with lock:  # a client costs 50 ms of CPU: one per service and role serves every task
            if key not in made:
                made[key] = context.role_client(
                    service,
                    acting,
                    parameter_validation=False,
                    connect_timeout=10,
                    read_timeout=_SLOWEST_CALL,
                    max_pool_connections=128,
                )
            return made[key]

    factory.boto_client_for = boto_client_for


def _machine(context: Context, role: str) -> str:
    """Return the ARN of the state machine with this role: the interpreter's tasks know their role alone."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    machines = stepfunctions_parser_backends[context.account_id][context.region].state_machines
    found = next((str(machine.arn) for machine in machines if machine.roleArn == role), "")
    return found or f"arn:aws:states:{context.region}:{context.account_id}:stateMachine:none"


def role_of(machine: str) -> str:
    """Return the role of a state machine; "" when it is gone."""
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    parts = machine.split(":")
    machines = stepfunctions_parser_backends[parts[4]][parts[3]].state_machines
    return next((str(found.roleArn) for found in machines if found.arn == machine), "")


@cache
def _nobody(service: str, region: str) -> Any:
    """Return a client with whose credentials nothing can be called."""
    import boto3

    return boto3.client(
        service,
        region_name=region,
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="nobody",
        aws_secret_access_key="nobody",  # noqa: S106 (no secret: it opens nothing)
        aws_session_token="nobody",  # noqa: S106
    )
