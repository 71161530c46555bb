"""What HashiCorp's AWS provider reads back and moto does not keep: each gap is a difference in every plan.

A file per service, changed before the first request to that service, because importing all of them takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_MODULES = {
    "applicationautoscaling": "scaling",
    "budgets": "budgets",
    "dynamodb": "tables",
    "ec2": "network",
    "kms": "keys",
    "logs": "logs",
    "s3": "buckets",
    "sqs": "queues",
    "sts": "tokens",
}
_done: set[str] = set()


def install(context: Context) -> None:
    """Change nothing yet: see :func:`prepare`."""


def prepare(service: str, context: Context) -> None:
    """Fill the gaps of one service, once."""
    name = _MODULES.get(service)
    if name and name not in _done:
        _done.add(name)
        import_module(f"rehearsal.aws.provider.{name}").install()
