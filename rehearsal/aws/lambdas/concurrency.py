"""How many events of a function run at once, and the limit that reserved concurrency sets."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import InvalidParameterValueException

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNT_LIMIT = 1000
"""Default concurrency quota of an account and region; https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""


UNRESERVED_MINIMUM = 100
"""Of it, what no function may reserve; https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""


class ThrottleError(RuntimeError):
    """An event found no free concurrency; ``reason`` is the code that AWS gives."""

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


def demand_unreserved(functions: Iterable[Any], name: str, count: int) -> None:
    """Refuse a reservation that leaves too little to the functions without one.

    Raises
    ------
    InvalidParameterValueException
        In AWS's words.
    """
    others = sum(int(fn.reserved_concurrency or 0) for fn in functions if fn.function_name != name)
    if ACCOUNT_LIMIT - others - count < UNRESERVED_MINIMUM:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{UNRESERVED_MINIMUM}]."
        )


class Gate:
    """Counts running events per function and in all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def running(self, name: str) -> int:
        """Return how many events of a function run now."""
        return self._running[name]

    @contextmanager
    def slot(self, name: str, reserved: int | None) -> Iterator[int]:
        """Hold one place while an event runs; yields how many run, this one included.

        Raises
        ------
        ThrottleError
            When ``reserved``, or without it the account's quota, is used up.
        """
        with self._lock:
            if reserved is not None and self._running[name] >= reserved:
                raise ThrottleError("ReservedFunctionConcurrentInvocationLimitExceeded")
            if reserved is None and self._running.total() >= ACCOUNT_LIMIT:
                raise ThrottleError("ConcurrentInvocationLimitExceeded")
            self._running[name] += 1
            running = self._running[name]
        try:
            yield running
        finally:
            with self._lock:
                self._running[name] -= 1
