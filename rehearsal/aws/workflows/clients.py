"""The clients with which tasks call services: over HTTP, with session credentials of the state machine's role."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_RENEW_SECONDS = 1500  # shorter than the life of the credentials in a client
_SLOWEST_CALL = 900  # seconds: the longest that a function may run
_SESSION = "StepFunctions"


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
        key = (region, service, role, int(time.monotonic()) // _RENEW_SECONDS)
        with lock:  # a client costs 50 ms of CPU: one per service and role serves every task
            if key not in made:
                made[key] = context.role_client(
                    service,
                    role or f"arn:aws:iam::{context.account_id}:role/aws-service-role/states",
                    _SESSION,
                    parameter_validation=False,
                    connect_timeout=10,
                    read_timeout=_SLOWEST_CALL,
                    max_pool_connections=128,
                )
            return made[key]

    factory.boto_client_for = boto_client_for
