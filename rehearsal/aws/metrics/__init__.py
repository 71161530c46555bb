"""CloudWatch: metrics with exact dimensions and percentiles, and alarms that are evaluated and act."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.metrics.evaluator import Evaluator

_evaluator: list[Evaluator] = []


def install(context: Context) -> None:
    """Put our backend in the place of moto's."""
    from moto.cloudwatch.models import cloudwatch_backends

    from rehearsal.aws.metrics import backend, operations

    cloudwatch_backends.backend = backend.LocalCloudWatchBackend
    operations.install()


def start(context: Context) -> None:
    """Begin to evaluate alarms."""
    from rehearsal.aws.metrics.evaluator import Evaluator

    _evaluator[:] = [Evaluator(context)]
    _evaluator[0].start()


def stop(context: Context) -> None:
    """Evaluate no more."""
    for evaluator in _evaluator:
        evaluator.stop()
