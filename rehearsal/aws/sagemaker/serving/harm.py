"""Faults of model servers (:mod:`rehearsal.aws.faults`): processes that end or hang, answers that are late or wrong."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

from rehearsal.aws.faults import book
from rehearsal.aws.faults.kinds import FaultError
from rehearsal.aws.sagemaker.serving.live import endpoints
from rehearsal.aws.sagemaker.serving.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.faults.kinds import Fault
    from rehearsal.aws.sagemaker.serving.instance import Instance

STRIKES = {"kill-server", "freeze-server", "take-instance"}
_WRONG = b'{"error": "this answer is a fault that a test has asked for"}'


def strike(fault: Fault) -> Callable[[], None] | None:
    """End or freeze one server; return what lets it go on when the fault ends.

    Raises
    ------
    FaultError
        When nothing of that name runs.
    """
    instance = _victim(fault)
    fault.instance, fault.struck = instance.id, 1
    if fault.kind == "freeze-server":
        instance.process.signal(signal.SIGSTOP)
        return partial(instance.process.signal, signal.SIGCONT)
    if fault.kind == "take-instance":
        instance.held_until = fault.until
    instance.process.kill()
    return partial(setattr, instance, "held_until", 0.0)


def answer_instead(endpoint: str, variant: str) -> Answer | None:
    """Wait where the model is to be slow, and return what is answered in its place where it is to fail."""
    late = book.strikes("slow-model", endpoint=endpoint, variant=variant)
    if late is not None:
        late.over.wait(late.delay_s)
    wrong = book.strikes("fail-model", endpoint=endpoint, variant=variant)
    return None if wrong is None else Answer(wrong.status, {"content-type": "application/json"}, _WRONG)


def _victim(fault: Fault) -> Instance:
    live = endpoints.get(fault.endpoint)
    if live is None:
        raise FaultError.of(
            "endpoint", fault.endpoint, f"is none that runs: {', '.join(sorted(endpoints)) or 'none does'}"
        )
    fleets = [fleet for fleet in live.running if fault.variant in ("", fleet.spec.name)]
    if not fleets:
        names = ", ".join(sorted({fleet.spec.name for fleet in live.running}))
        raise FaultError.of("variant", fault.variant, f"is none of {fault.endpoint}: it has {names}")
    for fleet in fleets:
        for instance in fleet.instances:
            if instance.alive:
                return instance
    raise FaultError.of("endpoint", fault.endpoint, "has no server that runs just now: wait until one has been started")
