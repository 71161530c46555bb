"""``python -m policies.mutants``: break every environment's plan in every way, and the source in a few.

All mutants must be killed, by exactly the right control, and no equivalent rewrite may raise an alarm.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from policies.environments import environment_names, environment_plans
from policies.mutants.breaking import Outcome, mutants
from policies.mutants.equivalent import false_alarms
from policies.mutants.sources import source_mutants
from policies.registry import controls

ROW = "{:12} {:>8} {:>8} {:>9} {:>12} {:>13}"


def main() -> int:
    """Print the table; returns 0 when it is perfect."""
    print(ROW.format("environment", "mutants", "killed", "exact", "equivalents", "false alarms"))
    perfect = True
    for name, plan in environment_plans(environment_names()).items():
        broken = list(mutants(plan, controls()))
        same = list(false_alarms(plan, controls()))
        perfect &= tell(name, broken, same)
    perfect &= tell("source", list(source_mutants(controls())), [])
    return 0 if perfect else 1


def tell(name: str, broken: Sequence[Outcome], same: Sequence[tuple[str, frozenset[str]]]) -> bool:
    """Print one row, and below it what is not as it should be; returns whether all is."""
    killed, exact = sum(o.killed for o in broken), sum(o.exact for o in broken)
    alarms = [(way, fired) for way, fired in same if fired]
    shares = [f"{number / max(1, len(broken)):.1%}" for number in (killed, exact)]
    print(ROW.format(name, len(broken), *shares, len(same), len(alarms)), flush=True)
    for outcome in broken:
        if not outcome.exact:
            print(f"  {outcome.control}, {outcome.way}, at {outcome.address}: fired {sorted(outcome.fired)}")
    for way, fired in alarms:
        print(f"  {way}: fired {sorted(fired)}")
    return bool(broken) and exact == len(broken) and not alarms


if __name__ == "__main__":
    sys.exit(main())
