"""What a workload is: the shape of `workload.yaml` once it is read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field

Value = bool | int | float | str

CLASSIFICATION, DETECTION = "classification", "detection"
"""Tasks: which class an image is of, and where in it things of each class stand."""


@dataclass(frozen=True, slots=True)
class DataOption:
    title: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Pixels of the model's input."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One input channel of the training job; the names are those of CreateTrainingJob's Channel."""

    prefix: str
    content_type: str
    input_mode: str = "File"
    data_type: str = "S3Prefix"
    distribution: str = "FullyReplicated"
    attributes: tuple[str, ...] = ()
    record_wrapper: str = "None"
    shuffle_seed: int | None = None


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How many altered copies of each training image are made."""

    copies: int


@dataclass(frozen=True, slots=True)
class Data:
    default: str
    options: dict[str, DataOption]
    classes: tuple[str, ...]
    image: ImageSize
    channels: dict[str, Channel]
    augmentation: Augmentation | None = None


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    type: str
    default: Value
    description: str
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    regex: str


@dataclass(frozen=True, slots=True)
class Instance:
    """What a training job runs on; `warm_s` keeps the instances for the next job, in seconds."""

    type: str
    count: int
    volume_gb: int
    max_runtime_s: int
    spot: bool = False
    warm_s: int = 0


@dataclass(frozen=True, slots=True)
class Objective:
    metric: str
    goal: str


@dataclass(frozen=True, slots=True)
class Resource:
    """Least and most epochs that Hyperband gives a trial."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Range:
    """Values that tuning may try: from `min` to `max`, or one of `values`."""

    min: float | None = None
    max: float | None = None
    scaling: str = "Auto"
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tuning:
    """A search over hyperparameters; the terms are those of CreateHyperParameterTuningJob."""

    strategy: str
    objective: Objective
    max_jobs: int
    max_parallel: int
    ranges: dict[str, Range]
    early_stopping: str = "Off"
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    metric: str
    minimum: float


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What int8 may cost.

    Attributes
    ----------
    max_top1_loss_points
        Percentage points of top-1 accuracy on the test images.
    calibration_images
        Training images from which the ranges of activations are taken.
    """

    max_top1_loss_points: float = 1.0
    calibration_images: int = 256


@dataclass(frozen=True, slots=True)
class Training:
    program: str
    image: str
    hyperparameters: dict[str, Hyperparameter]
    metrics: tuple[Metric, ...]
    instance: Instance
    gate: Gate
    quantisation: Quantisation = Quantisation()
    processes_per_instance: int = 1
    tuning: Tuning | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    image: str
    content_types: tuple[str, ...]
    response_types: tuple[str, ...]
    instance_types: tuple[str, ...]
    max_image_bytes: int
    max_image_pixels: int
    top_k: int


@dataclass(frozen=True, slots=True)
class Workflow:
    """What happens to an answer; `definition` names the state machine."""

    threshold: float
    low_confidence: str
    definition: str = "classify_images"
    thresholds: dict[str, float] = field(default_factory=dict)
    """Further ones, by name: functions find ``car`` as ``CAR_THRESHOLD``."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """What an upload below `prefix` starts: `workflow`, or a function's folder."""

    prefix: str
    start: str


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table of the workload's own; both keys are strings."""

    partition_key: str
    sort_key: str


@dataclass(frozen=True, slots=True)
class Capture:
    percentage: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Load:
    p95_ms: float
    p99_ms: float
    max_error_share: float


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What keeps a rehearsal on a laptop small; nothing of it reaches AWS.

    Attributes
    ----------
    images
        Pictures that the workflow is given.
    stage
        Further arguments of `python -m training.data stage`.
    copies
        In place of data.augmentation.copies.
    """

    images: int = 60
    hyperparameters: dict[str, Value] = field(default_factory=dict)
    stage: tuple[str, ...] = ()
    copies: int | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload as `workload.yaml` describes it.

    Attributes
    ----------
    companions
        Workloads whose endpoints this one's functions ask as well.
    functions
        Folders of functions/ that are deployed for it.
    """

    name: str
    title: str
    description: str
    data: Data
    training: Training
    inference: Inference
    capture: Capture
    load: Load
    task: str = CLASSIFICATION
    companions: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    workflow: Workflow | None = None
    uploads: Uploads | None = None
    table: Table | None = None
    rehearsal: Rehearsal = field(default_factory=Rehearsal)

    @property
    def threshold(self) -> float:
        """Probability of the best class from which an answer is trusted; without a workflow nobody asks."""
        return self.workflow.threshold if self.workflow else 0.0
