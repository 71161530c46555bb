"""Train the pneumonia classifier: unchanged in SageMaker script mode and on this machine.

Here: `python -m training.workloads.pneumonia.train --train-dir ...` (see --help).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from training.learning import entry

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code."""
    return entry.main("pneumonia", "training.workloads.pneumonia.job", argv)


if __name__ == "__main__":
    sys.exit(main())
