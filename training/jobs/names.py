"""Names of jobs: they begin with what the roles know them by, and end with the time they were asked for."""

from __future__ import annotations

import string
import time

from training.jobs.environment import Environment

_DIGITS = string.digits + string.ascii_lowercase


def job_name(environment: Environment, now: float | None = None) -> str:
    """Name a training, processing or transform job, to the second in UTC."""
    moment = time.gmtime(time.time() if now is None else now)
    return f"{environment.job_name_prefix}{time.strftime('%Y%m%d-%H%M%S', moment)}"


def tuning_name(environment: Environment, now: float | None = None) -> str:
    """Name a tuning job: seconds since 1970 in base 36, six characters until the year 2038."""
    seconds, text = int(time.time() if now is None else now), ""
    while seconds:
        seconds, digit = divmod(seconds, 36)
        text = _DIGITS[digit] + text
    return f"{environment.tuning_name_prefix}{text}"
