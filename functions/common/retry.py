"""When to try again: full jitter, a quota per execution environment, and never beyond the caller's time.

The quota is that of the SDKs' standard mode, sized for one caller at a time: every new attempt costs, a success pays
back. When nothing succeeds any more, calls are made once and fail at once, and the workflow's longer pauses take over.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .answers import CallError, NoAnswerError
from .entry import log, measure
from .errors import OutOfTime

FIRST_WAIT_S = 0.4
LONGEST_WAIT_S = 5.0
QUOTA = 50
COST = 5
SILENCE_COST = 10  # a call that waited in vain has held the caller, and perhaps the service, for long

T = TypeVar("T")


class Retries:
    """Runs attempts of one execution environment.

    Parameters
    ----------
    attempts
        Attempts per call, the first one included.
    """

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        self.quota = QUOTA

    def run(
        self,
        attempt: Callable[[], T],
        left_s: Callable[[], float],
        needed_s: float,
        *,
        after_silence: bool = True,
    ) -> T:
        """Return what ``attempt`` returns, after as many as it takes.

        Parameters
        ----------
        left_s
            Seconds that the caller still has.
        needed_s
            Seconds that an attempt can take: none is begun with less, it would be killed and its answer lost.
        after_silence
            Whether to try again after a timeout.

        Raises
        ------
        OutOfTime
            Too little time for the first attempt.
        CallError
            That of the last attempt.
        """
        if (left := left_s()) < needed_s:
            raise OutOfTime(
                "remaining time in s", f"{left:.1f}", f"is less than a call's {needed_s:g}", "Raise the timeout"
            )
        paid = 0
        for number in range(1, self.attempts + 1):
            try:
                answer = attempt()
            except CallError as error:
                silent = isinstance(error, NoAnswerError) and error.silent
                cost = SILENCE_COST if silent else COST
                if not error.passing or (silent and not after_silence):
                    raise
                if number == self.attempts or cost > self.quota:
                    raise
                pause = max(_jitter(number), error.after_s)
                if left_s() - pause < needed_s:
                    raise
                self.quota -= cost
                paid = cost
                log("INFO", "trying again", attempt=number, problem=str(error), after_s=round(pause, 3))
                measure("Retries", 1)
                time.sleep(pause)
            else:
                self.quota = min(QUOTA, self.quota + (paid or 1))
                return answer
        raise AssertionError("unreachable: the last attempt returns or raises")


def _jitter(number: int) -> float:
    """Any pause up to the doubled one: many functions see an overloaded service at the same moment."""
    return random.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (number - 1)))  # noqa: S311 (spreads load only)
