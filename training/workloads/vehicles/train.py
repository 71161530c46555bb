"""Train the vehicles classifier: unchanged in SageMaker script mode and on this machine.

Here: `python -m training.workloads.vehicles.train --train-dir ...` (see --help). In a container SageMaker sets SM_* and
passes the hyperparameters as options. Exit codes: 0 trained, 1 failed, 2 wrong hyperparameters.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from training.errors import InputError, SpecError
from training.learning import container
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code; a failure's reason also goes where SageMaker shows it."""
    failure = container.failure_file(os.environ)
    try:
        workload = spec.load("vehicles")
        job = container.parse(workload, sys.argv[1:] if argv is None else argv, os.environ)
        # After the command line: torch takes two seconds to import, and a typing error should not.
        from training.learning.classifier import run  # noqa: PLC0415

        run(workload, job)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        container.write_failure(failure, f"{type(error).__name__}: {error}")
        return 2 if isinstance(error, SpecError) else 1
    except Exception as error:
        container.write_failure(failure, f"{type(error).__name__}: {error}")
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
