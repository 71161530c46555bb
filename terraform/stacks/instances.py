"""Instance types that need no discussion. Others take `loosened.instance_types` with a reason.

Which they are, and why others are not, stands in training/instances.yaml: jobs are held to the same list.
"""

from __future__ import annotations

from pathlib import Path

import yaml

_LISTED = yaml.safe_load((Path(__file__).resolve().parents[2] / "training/instances.yaml").read_text(encoding="utf-8"))

TRAINING = frozenset(_LISTED["training"])
ENDPOINT = frozenset(_LISTED["endpoint"])
