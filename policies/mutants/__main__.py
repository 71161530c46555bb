"""``python -m policies.mutants``: break every environment's plan in every way.

All mutants must be killed, by exactly the right control, and no equivalent rewrite may raise an alarm.
"""

from __future__ import annotations

import sys

from policies.environments import environment_names, environment_plan
from policies.mutants.breaking import mutants
from policies.mutants.equivalent import false_alarms
from policies.registry import controls


def main() -> int:
    """Print the table; returns 0 when it is perfect."""
    row = "{:12} {:>8} {:>8} {:>9} {:>12} {:>13}"
    print(row.format("environment", "mutants", "killed", "exact", "equivalents", "false alarms"))
    perfect = True
    for name in environment_names():
        plan = environment_plan(name)
        broken = list(mutants(plan, controls()))
        same = list(false_alarms(plan, controls()))
        killed, exact = sum(o.killed for o in broken), sum(o.exact for o in broken)
        alarms = [(way, fired) for way, fired in same if fired]
        shares = [f"{number / len(broken):.1%}" for number in (killed, exact)]
        print(row.format(name, len(broken), *shares, len(same), len(alarms)))
        for outcome in broken:
            if not outcome.exact:
                print(f"  {outcome.control}, {outcome.way}, at {outcome.address}: fired {sorted(outcome.fired)}")
        for way, fired in alarms:
            print(f"  {way}: fired {sorted(fired)}")
        perfect = perfect and exact == len(broken) and not alarms
    return 0 if perfect else 1


if __name__ == "__main__":
    sys.exit(main())
