"""Several processes of one program: started by torchrun on each host, when the request asks for it.

The sagemaker-training toolkit of AWS's framework images starts torchrun where ``sagemaker_torch_distributed_enabled``
is true, with one process per GPU or as many as a second hyperparameter says
(https://github.com/aws/sagemaker-training-toolkit/blob/master/src/sagemaker_training/torch_distributed.py, runner.py).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.errors import FailedError

if TYPE_CHECKING:
    from rehearsal.aws.sagemaker.training.job import TrainingJob

_ENABLED = "sagemaker_torch_distributed_enabled"
_PROCESSES = ("sagemaker_torch_processes_per_host", "sagemaker_mpi_num_of_processes_per_host")
_MOST_PROCESSES = 8
_BEGINS_TO_EXPLAIN = "torch/distributed/elastic/multiprocessing"


def wanted(decoded: dict[str, Any]) -> bool:
    """Whether the hyperparameters ask for torchrun."""
    return str(decoded.get(_ENABLED, "")).lower() == "true"


def processes(decoded: dict[str, Any]) -> int:
    """Return how many processes each host runs: there are no GPUs here, so one unless told.

    Raises
    ------
    FailedError
        For what is no number, or more than this machine may carry.
    """
    given = next((decoded[name] for name in _PROCESSES if name in decoded), 1)
    if not str(given).isdigit() or not 1 <= int(given) <= _MOST_PROCESSES:
        raise FailedError(
            f"AlgorithmError: {given!r} processes per host cannot be started: give a whole number from 1 to "
            f"{_MOST_PROCESSES}"
        )
    return int(given)


def command(job: TrainingJob, host: str, port: int, decoded: dict[str, Any], program: list[str]) -> list[str]:
    """Return the argument list that runs ``program`` (entry point and its arguments) in every process of one host.

    Parameters
    ----------
    port
        Where the processes meet; the same for all hosts. torchrun's own choice for one host would be a fixed one.
    """
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--nnodes", str(len(job.hosts)), "--nproc_per_node", str(processes(decoded))),
        *("--node_rank", str(job.hosts.index(host))),
        *("--master_addr", "127.0.0.1", "--master_port", str(port)),
        *program,
    ]


def explains(line: str) -> bool:
    """Whether a line begins torchrun's own account of a failure, which would bury the program's."""
    return _BEGINS_TO_EXPLAIN in line and "failed" in line
