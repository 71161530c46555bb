"""What the main of every `train.py` does: read how the job was started, do it, and say why where it cannot be done.

In a container SageMaker sets SM_* and passes the hyperparameters as options; here all are options (see `--help`).
Exit codes: 0 trained, 1 failed, 2 wrong hyperparameters or options.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from training.errors import InputError, SpecError
from training.learning import container
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(name: str, program: str, argv: Sequence[str] | None = None) -> int:
    """Run a job and return its exit code; a failure's reason also goes where SageMaker shows it.

    Parameters
    ----------
    name
        The workload.
    program
        Module with `run(workload, job)`, imported once the command line is known to be right: torch takes two seconds
        to import, and a typing error should not.
    argv
        Options; None for those of the process.
    """
    failure = container.failure_file(os.environ)
    try:
        workload = spec.load(name)
        job = container.parse(workload, sys.argv[1:] if argv is None else argv, os.environ)
        import_module(program).run(workload, job)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        container.write_failure(failure, f"{type(error).__name__}: {error}")
        return 2 if isinstance(error, SpecError) else 1
    except Exception as error:
        container.write_failure(failure, f"{type(error).__name__}: {error}")
        raise
    return 0
