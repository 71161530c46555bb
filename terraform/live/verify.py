"""Wait until what is live is what should be, or say what is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from terraform.live.compare import Difference, differences
from terraform.live.expected import Expected
from terraform.live.observed import Observed

PATIENCE_S, POLL_S, TELL_S = 900.0, 5.0, 30.0
Note = Callable[[str], object]


class NotLiveError(Exception):
    """What is live is not what was applied; ``differences`` says where."""

    def __init__(self, found: Iterable[Difference], waited_s: float = 0.0) -> None:
        self.differences = list(found)
        waited = f" after {waited_s:.0f} s" if waited_s >= 1 else ""
        head = f"what is live is not what was applied ({count(len(self.differences), 'difference')}{waited}):"
        super().__init__("\n  ".join([head, *map(str, self.differences)]))


def verify(
    expected: Expected,
    look: Callable[[], Observed],
    note: Note,
    *,
    patience_s: float = PATIENCE_S,
    poll_s: float = POLL_S,
) -> str:
    """Return one line about what is live, once nothing differs.

    Raises
    ------
    NotLiveError
        At once for a difference that no waiting mends, otherwise when something has not settled after ``patience_s``.
    """
    begin, told_at = time.monotonic(), 0.0
    told: list[str] = []
    while True:
        observed = look()
        found = differences(expected, observed)
        waited = time.monotonic() - begin
        if not found:
            return summary(expected, observed)
        if any(not difference.settling for difference in found) or waited > patience_s:
            raise NotLiveError(found, waited)
        lines = [str(difference) for difference in found]
        if lines != told or waited - told_at > TELL_S:
            note(f"waiting ({waited:.0f} s of {patience_s:.0f}): {'; '.join(lines)}")
            told, told_at = lines, waited
        time.sleep(poll_s)


def summary(expected: Expected, observed: Observed) -> str:
    """One line of evidence."""
    parts = []
    for endpoint in expected.endpoints:
        live = observed.endpoints[endpoint.name]
        version = endpoint.promoted.get("version", "?")
        parts.append(f"endpoint {endpoint.name} serves version {version} on {count(live.current, 'instance')}")
    if expected.functions:
        ready = sum(function.provisioned is not None for function in expected.functions)
        parts.append(f"{count(len(expected.functions), 'function')} live as built, {ready} of them provisioned")
    if expected.alarms:
        parts.append(count(len(expected.alarms), "silent alarm"))
    if observed.unreserved is not None:
        parts.append(f"{observed.unreserved} executions unreserved")
    return "; ".join(parts) or "nothing to verify yet"


def count(number: int, what: str) -> str:
    """A number with its noun."""
    return f"{number} {what}{'s' if number != 1 else ''}"
