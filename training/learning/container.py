"""SageMaker's training container contract, and the same thing in a local folder.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import SpecError, TrainingError
from training.workloads import spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAILURE_LIMIT = 1024
"""SageMaker shows this many characters of the failure file."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a training script is started with.

    Attributes
    ----------
    channels
        Folder per input channel.
    model, output, checkpoints
        Folders for the model, for other results, and to resume from.
    """

    hyperparameters: dict[str, spec.Value]
    channels: dict[str, Path]
    model: Path
    output: Path
    checkpoints: Path


def parse(workload: spec.Workload, argv: Sequence[str], environment: Mapping[str, str]) -> Job:
    """Read the command line and the environment.

    Raises
    ------
    SpecError
        An unknown hyperparameter, or one out of range.
    """
    local = Path(".slipway") / "training" / workload.name
    model = Path(environment.get("SM_MODEL_DIR") or local / "model")
    output = Path(environment.get("SM_OUTPUT_DATA_DIR") or local / "output" / "data")
    # SageMaker names no variable for checkpoints; they lie in /opt/ml/checkpoints, beside /opt/ml/model.
    checkpoints = Path(environment.get("SM_CHECKPOINT_DIR") or model.parent / "checkpoints")
    parser = argparse.ArgumentParser(description=f"Train {workload.name}: {workload.description}", allow_abbrev=False)
    for name, parameter in workload.training.hyperparameters.items():
        limits = f" {parameter.min} to {parameter.max};" if parameter.min is not None else ""
        about = f"{parameter.description} ({parameter.type};{limits} default {parameter.default!r})"
        flags = {f"--{name}", f"--{name.replace('_', '-')}"}
        parser.add_argument(*sorted(flags), dest=name, default=argparse.SUPPRESS, help=about.replace("%", "%%"))
    for name in workload.data.channels:
        folder = environment.get(f"SM_CHANNEL_{name.upper()}") or local / "dataset" / name
        parser.add_argument(f"--{name}-dir", type=Path, default=Path(folder), help=f"images to use for {name}")
    parser.add_argument("--model-dir", type=Path, default=model, help="where the model goes")
    parser.add_argument("--output-dir", type=Path, default=output, help="where everything else goes")
    parser.add_argument("--checkpoints-dir", type=Path, default=checkpoints, help="where to resume from")
    parsed, unknown = parser.parse_known_args(argv)
    found = vars(parsed)
    given = {name: found[name] for name in workload.training.hyperparameters if name in found}
    values = spec.resolve_hyperparameters(workload, given | _unknown(unknown))
    channels = {name: found[f"{name}_dir"] for name in workload.data.channels}
    if weights := environment.get("SM_CHANNEL_WEIGHTS"):
        channels["weights"] = Path(weights)
    return Job(values, channels, found["model_dir"], found["output_dir"], found["checkpoints_dir"])


def weights_file(job: Job) -> Path | None:
    """The file the `weights` hyperparameter names: in the channel of that name, or a path.

    Raises
    ------
    TrainingError
        `freeze_backbone` without weights: nothing useful could be learnt.
    """
    name = str(job.hyperparameters["weights"])
    if not name:
        if job.hyperparameters["freeze_backbone"]:
            raise TrainingError("freeze_backbone", True, "needs weights to freeze; set weights too")
        return None
    return job.channels["weights"] / name if "weights" in job.channels else Path(name)


def failure_file(environment: Mapping[str, str]) -> Path | None:
    """Where SageMaker looks for the reason of a failure; None outside a container."""
    output = environment.get("SM_OUTPUT_DATA_DIR")
    return Path(output).parent / "failure" if output else None


def write_failure(path: Path | None, reason: str) -> None:
    """Leave the reason where SageMaker shows it; best effort, because the job has failed already."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(reason[:FAILURE_LIMIT], encoding="utf-8")
    except OSError:
        return


def set_threads(torch_threads: int) -> int:
    """Threads for torch: as many as asked for, at most the cores there are, and what OMP_NUM_THREADS says."""
    import torch  # noqa: PLC0415  `--help` and a wrong hyperparameter answer without it

    wanted = int(os.environ.get("OMP_NUM_THREADS") or min(torch_threads, len(os.sched_getaffinity(0))))
    torch.set_num_threads(max(1, wanted))
    return wanted


def _unknown(arguments: list[str]) -> dict[str, str]:
    """Arguments argparse did not know, so that the specification can name the one that was meant.

    Raises
    ------
    SpecError
        Something that is not even an option.
    """
    pairs: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--"):
            raise SpecError("arguments", option, "is not an option; give hyperparameters as --name value")
        name, _, value = option[2:].partition("=")
        pairs[name.replace("-", "_")] = value or (rest.pop(0) if rest and not rest[0].startswith("--") else "")
    # The toolkit's own settings, which it normally keeps to itself.
    return {name: value for name, value in pairs.items() if not name.startswith(("sagemaker_", "_tuning_"))}
