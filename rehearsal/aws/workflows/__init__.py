"""Step Functions: moto's interpreter, with every task under the state machine's role and what it lacks added.

The interpreter takes 1.5 seconds to import, so it is changed and loaded by the first request to Step Functions.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rehearsal.aws.delivery import parse

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_lock = threading.Lock()
_loaded = threading.Event()


def install(context: Context) -> None:
    """Make moto interpret state machines instead of only recording them."""
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"]["execute_state_machine"] = True


def prepare(service: str, context: Context) -> None:
    """Load and change the interpreter before the first request to Step Functions."""
    if service == "stepfunctions":
        load(context)


def after_restore(context: Context) -> None:
    """End the executions that were running when the state was saved: their threads are gone."""
    from moto.core.base_backend import BackendDict

    if any(backend.service_name == "stepfunctions" for backend in BackendDict._instances):
        load(context)
        from rehearsal.aws.workflows import backend

        backend.abort_interrupted()


def load(context: Context) -> None:
    """Import the interpreter with our changes in it; safe to call from any thread."""
    with _lock:
        if _loaded.is_set():
            return
        from rehearsal.aws.workflows import clients

        clients.install(context)  # first: the interpreter's modules copy the function by name when they are imported
        from rehearsal.aws.workflows import (
            backend,
            item_reader,
            map_results,
            monitoring,
            operations,
            sagemaker,
            sdk_tasks,
        )

        sdk_tasks.install()
        sagemaker.install()
        item_reader.install()
        map_results.install()
        monitoring.install(context)
        backend.install(context)
        operations.install()
        _loaded.set()


def start_execution(arn: str, body: str) -> Any:
    """Start an execution on behalf of another service, with ``body`` as its input."""
    from rehearsal.aws.context import current

    load(current())
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    target = parse(arn)
    return stepfunctions_parser_backends[target.account][target.region].start_execution(arn, None, body)
