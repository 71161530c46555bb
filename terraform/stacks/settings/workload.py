"""What one environment decides about one workload. What the workload is stands in its workload.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from terraform.stacks.settings.base import InstanceType, Name, Percent, Reason, Share, Strict, Timezone, matching
from terraform.stacks.settings.workbench import Workbench

Positive = Annotated[int, Field(ge=1)]
Cooldown = Annotated[int, Field(ge=0, le=3600)]
# A tag can be moved, so a plan that names one does not say what runs.
ImageDigest = Annotated[
    str,
    matching(
        r"sha256:[0-9a-f]{64}", "the digest of an image, sha256: and 64 hexadecimal digits", "docker push prints it"
    ),
]


class Training(Strict):
    """Overrides of the training job, and the digests of the images that jobs and registered models use.

    Anything left out comes from the workload's own specification.
    """

    image_digest: ImageDigest
    serving_image_digest: ImageDigest
    instance_type: InstanceType | None = None
    instance_count: Annotated[int, Field(ge=1, le=20)] | None = None
    volume_gb: Annotated[int, Field(ge=1, le=16384)] | None = None
    max_runtime_s: Annotated[int, Field(ge=60, le=2_419_200)] | None = None
    spot: bool = False
    hyperparameters: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Schedule(Strict):
    """A time at which limits change: before the morning's traffic, after the evening's."""

    schedule: Annotated[
        str,
        matching(
            r"(cron|rate|at)\(.+\)",
            "a schedule of Application Auto Scaling: cron(...), rate(...) or at(...)",
            "write cron(0 7 ? * MON-FRI *), rate(12 hours) or at(2026-12-01T06:00:00)",
        ),
    ]
    timezone: Timezone = "UTC"
    min: Positive
    max: Positive


class Provisioned(Strict):
    """Provisioned concurrency, scaled on its utilisation between `min` and `max`.

    With schedules, `min` and `max` hold until the first of them.
    """

    min: Positive
    max: Positive
    target_utilisation: Annotated[float, Field(ge=0.1, le=0.9)] = 0.7
    schedules: dict[Name, Schedule] = Field(default_factory=dict)


class Function(Strict):
    """Capacity of one function here. Memory and timeout come from its function.yaml when left out.

    `on_demand` is the reason why a production function does without provisioned concurrency.
    """

    reserved: Positive
    provisioned: Provisioned | None = None
    on_demand: Reason | None = None
    memory_mb: Annotated[int, Field(ge=128, le=10240)] | None = None
    timeout_s: Annotated[int, Field(ge=1, le=900)] | None = None


class Scaling(Strict):
    """Instances of the endpoint: how few, how many, and the load that one of them takes.

    That load is a number of calls a minute and, where it is known, a number of requests inside an instance, waiting
    ones too. Times are in seconds.
    """

    min: Positive
    max: Positive
    invocations_per_instance: Positive
    concurrent_requests_per_model: Positive | None = None
    scale_in_cooldown_s: Cooldown = 300
    # The first whole minute of a larger fleet is seen up to 90 s after it stands; sooner, the fleet grows twice.
    scale_out_cooldown_s: Cooldown = 120
    schedules: dict[Name, Schedule] = Field(default_factory=dict)


class Rollout(Strict):
    """How a new model takes over from the old one. Times are in seconds, the step in percent of capacity.

    `headroom_percent` is what the new fleet begins with on top of the old one's instances: nothing scales meanwhile.
    """

    type: Literal["ALL_AT_ONCE", "CANARY", "LINEAR"] = "CANARY"
    step_percent: Annotated[int, Field(ge=5, le=50)] = 10
    bake_s: Annotated[int, Field(ge=0, le=3600)] = 600
    headroom_percent: Percent = 0


class EndpointAlarms(Strict):
    """Limits whose breach raises an alarm and, during a rollout, brings the old model back."""

    latency_p99_ms: Positive = 500
    error_count: Positive = 5


class Endpoint(Strict):
    """The live model's capacity and its rollout. `routing` says which instance gets a request."""

    instance_type: InstanceType
    scaling: Scaling
    routing: Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"] = "LEAST_OUTSTANDING_REQUESTS"
    rollout: Rollout = Rollout()
    alarms: EndpointAlarms = EndpointAlarms()
    capture_percent: Percent | None = None
    capture_days: Positive = 90


class Workflow(Strict):
    """Overrides of the classification workflow."""

    threshold: Share | None = None
    low_confidence: Literal["review", "raise"] | None = None


class Workload(Strict):
    """One workload in one environment."""

    training: Training
    functions: dict[str, Function] = Field(default_factory=dict)
    endpoint: Endpoint
    workflow: Workflow = Workflow()
    workbench: Workbench | None = None
