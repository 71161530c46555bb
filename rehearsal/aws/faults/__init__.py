"""Faults on demand, for tests that ask what happens then: servers that end, answers that are late or wrong, throttling.

Only the account's root user may ask for one, each is bounded in time, and none outlives the server. The parts of the
embedded AWS where a fault acts look at :mod:`rehearsal.aws.faults.book`; what runs behind them (functions, model
servers) knows nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.faults import book

if TYPE_CHECKING:
    from rehearsal.aws.context import Context


def install(context: Context) -> None:
    """Nothing of moto changes."""


def fast_path(app: Any, context: Context) -> Any:
    """Delay or refuse requests of which a fault says so, before they are carried out."""
    from rehearsal.aws.faults.requests import FaultyRequests

    return FaultyRequests(app)


def stop(context: Context) -> None:
    """End every fault, so that nothing sleeps on."""
    book.clear()
