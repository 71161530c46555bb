"""Instance types that need no discussion. Others take `loosened.instance_types` with a reason.

Left out on purpose: burstable types (ml.t2), which run out of credits under load, and latency with them; types with
local NVMe storage (g4dn, g5, g6, p4d, p5), for which SageMaker refuses a customer-managed volume key, so that the
modules refuse them too; and the largest sizes, where a slip of the hand costs hundreds of dollars a day.
"""

from __future__ import annotations

_CPU_FAMILIES = ("c5", "c6i", "c7i", "m5", "m6i", "m7i")
_CPU = frozenset(f"ml.{family}.{size}" for family in _CPU_FAMILIES for size in ("xlarge", "2xlarge", "4xlarge"))
_GPU = frozenset({"ml.p3.2xlarge", "ml.p3.8xlarge"})

TRAINING = _CPU | _GPU | {"ml.m5.large"}
ENDPOINT = _CPU | _GPU | {f"ml.{family}.large" for family in _CPU_FAMILIES} | {"ml.inf2.xlarge"}
