"""Train the breed classifier: unchanged in SageMaker script mode, under torchrun and on this machine.

Here: `python -m training.workloads.dogs.train --train-dir ...` (see --help); in two processes: `torchrun
--nproc-per-node 2 -m training.workloads.dogs.train ...`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from training.learning import entry

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code."""
    return entry.main("dogs", "training.workloads.dogs.job", argv)


if __name__ == "__main__":
    sys.exit(main())
