"""Instance types that need no discussion. Others take `loosened.instance_types` with a reason.

Burstable types (ml.t2) are left out on purpose: under load they run out of credits, and latency with them. So are the
largest accelerators, because a slip of the hand there costs hundreds of dollars an hour.
"""

from __future__ import annotations

_CPU_FAMILIES = ("c6i", "c7i", "m5", "m6i", "m7i")
_CPU = frozenset(f"ml.{family}.{size}" for family in _CPU_FAMILIES for size in ("xlarge", "2xlarge", "4xlarge"))
_GPU = frozenset(
    f"ml.{family}.{size}" for family in ("g5", "g6") for size in ("xlarge", "2xlarge", "4xlarge", "12xlarge")
)

TRAINING = _CPU | _GPU | {"ml.m5.large"}
ENDPOINT = _CPU | _GPU | {f"ml.{family}.large" for family in _CPU_FAMILIES}
