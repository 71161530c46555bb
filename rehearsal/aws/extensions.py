"""The parts of the embedded AWS and the moments at which each may act.

A part is a module. Only ``install`` is required; the others are called where the module has them:

``install(context)``
    Change moto. Runs once, before the first request.
``prepare(service, context)``
    A service (moto's name of it) is about to get its first request: change what is too slow to import at start.
``start(context)``
    Start background threads. Runs when the endpoint is about to answer, after any restore.
``before_save(context)``
    Come to rest: the state is about to be written.
``after_restore(context)``
    The saved state is back in the backends: start again what has to run.
``stop(context)``
    The server is ending; child processes are ended afterwards by :func:`rehearsal.aws.processes.stop_all`.
``fast_path(app, context)``
    Wrap the WSGI application to answer some requests without Flask.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from rehearsal.aws.context import Context

PARTS: tuple[str, ...] = (
    "rehearsal.aws.provider",
    "rehearsal.aws.metrics",
    "rehearsal.aws.lambdas",
    "rehearsal.aws.events",
    "rehearsal.aws.workflows",
    "rehearsal.aws.sagemaker",
    "rehearsal.aws.faults",
)
"""Installed in this order; the last one's fast path comes first."""


def modules() -> list[ModuleType]:
    """Import and return every part."""
    return [import_module(name) for name in PARTS]


def install(context: Context) -> None:
    """Let every part change moto."""
    for module in modules():
        module.install(context)


def prepare(service: str, context: Context) -> None:
    """Let every part finish its changes to ``service`` before its first request."""
    for module in modules():
        hook = getattr(module, "prepare", None)
        if hook is not None:
            hook(service, context)


def notify(moment: str, context: Context) -> None:
    """Call ``moment`` (see the module's docstring) on every part that has it."""
    for module in modules():
        hook = getattr(module, moment, None)
        if hook is not None:
            hook(context)


def wrap(app: Any, context: Context) -> Any:
    """Put every part's fast path in front of ``app``."""
    for module in modules():
        fast_path = getattr(module, "fast_path", None)
        if fast_path is not None:
            app = fast_path(app, context)
    return app
