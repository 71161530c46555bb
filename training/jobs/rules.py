"""What AWS documents about members of a request that must agree, beyond what its model can say.

Each rule refuses before anything is sent, with the field, its value and what to do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from training.errors import JobError
from training.jobs import shapes
from training.jobs.envelope import holes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Request = dict[str, Any]

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
MAX_RUNTIME_S = 28 * 24 * 3600
# https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html; the API's own model allows more.
MAX_WARM_S = 3600
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
MAX_HYPERBAND_EPOCHS = 20_000
# https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html: searched hyperparameters, in which
# every value of a categorical one counts; trials at a time and in all, where quotas have been raised.
MAX_SEARCHED, MAX_PARALLEL, MAX_TRIALS = 30, 100, {"Bayesian": 750, "Hyperband": 750, "Random": 10_000}
MAX_METRICS_TUNED = 20
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
MAX_TRANSFORM_MB = 100
# Volumes on the instance itself are encrypted by its hardware, and take no key.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
LOCAL_STORAGE = re.compile(
    r"ml\.([a-z]+[0-9]+[a-z]*d[a-z]*|g5|g6e?|g7e?|gr6|p5[a-z]*|p6[a-z0-9-]*|trn[0-9]+[a-z]*|i[0-9]+[a-z]*)\."
)


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a request that AWS would refuse, or that leaves the envelope open.

    Raises
    ------
    JobError
        Naming the first field that is wrong.
    """
    if missing := holes(operation, request):
        raise JobError("envelope", missing, f"{operation} lacks these; build it with training.jobs.envelope.secured")
    shapes.check(operation, request)
    _RULES[operation](dict(request))


def demand_name(field: str, name: str, prefix: str, longest: int) -> None:
    """Refuse a name that the roles would not know, or that AWS finds too long."""
    if not name.startswith(prefix) or name == prefix:
        raise JobError(field, name, f"must begin with {prefix} and go on: the roles know jobs by it")
    if len(name) > longest:
        raise JobError(field, name, f"has {len(name)} characters, AWS takes {longest}; shorten it")


def _training(request: Request) -> None:
    _definition(request, "")


def _definition(request: Request, where: str) -> None:
    """Rules of a training job, and of the jobs of a tuning job."""
    stopping, machines = request["StoppingCondition"], request["ResourceConfig"]
    runtime, wait = stopping["MaxRuntimeInSeconds"], stopping.get("MaxWaitTimeInSeconds")
    spot = bool(request.get("EnableManagedSpotTraining"))
    field = f"{where}StoppingCondition.MaxRuntimeInSeconds"
    if runtime > MAX_RUNTIME_S:
        raise JobError(field, runtime, f"must be at most {MAX_RUNTIME_S} (28 days)")
    field = f"{where}StoppingCondition.MaxWaitTimeInSeconds"
    if spot and wait is None:
        raise JobError(field, None, "spot needs it: the wait for capacity and the run together")
    if wait is not None and not spot:
        raise JobError(field, wait, "goes with spot alone; leave it out")
    if wait is not None and wait < runtime:
        raise JobError(field, wait, f"must be at least MaxRuntimeInSeconds, {runtime}: it counts the run as well")
    _machines(machines, where, spot=spot)
    for channel in request["InputDataConfig"]:
        _channel(channel, f"{where}InputDataConfig.{channel['ChannelName']}", request["AlgorithmSpecification"])
    names = [channel["ChannelName"] for channel in request["InputDataConfig"]]
    if len(set(names)) != len(names):
        raise JobError(f"{where}InputDataConfig", names, "names a channel twice; rename one")


def _machines(machines: Request, where: str, *, spot: bool) -> None:
    kept = machines.get("KeepAlivePeriodInSeconds", 0)
    field = f"{where}ResourceConfig.KeepAlivePeriodInSeconds"
    if kept and spot:
        raise JobError(field, kept, "spot capacity cannot be kept warm; take one of the two")
    if kept > MAX_WARM_S:
        raise JobError(field, kept, f"must be at most {MAX_WARM_S}")
    kind = machines["InstanceType"]
    if LOCAL_STORAGE.match(kind):
        remedy = "has local storage, for which SageMaker refuses the volume's key; take a family with EBS volumes only"
        raise JobError(f"{where}ResourceConfig.InstanceType", kind, remedy)
    if machines["InstanceCount"] < 1:
        raise JobError(f"{where}ResourceConfig.InstanceCount", machines["InstanceCount"], "must be at least 1")
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ebs-volume-types.html (gp2)
    if not 1 <= machines["VolumeSizeInGB"] <= 16_384:
        raise JobError(
            f"{where}ResourceConfig.VolumeSizeInGB", machines["VolumeSizeInGB"], "must lie between 1 and 16384"
        )


def _channel(channel: Request, field: str, algorithm: Request) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html and API_Channel.html
    source = channel["DataSource"]["S3DataSource"]
    mode = channel.get("InputMode", algorithm["TrainingInputMode"])
    wrapper, augmented = channel.get("RecordWrapperType", "None"), source["S3DataType"] == "AugmentedManifestFile"
    if augmented and mode != "Pipe":
        raise JobError(f"{field}.InputMode", mode, "an augmented manifest is streamed only; use Pipe")
    if augmented and not source.get("AttributeNames"):
        raise JobError(f"{field}.AttributeNames", None, "name what of each line is streamed, in order")
    if augmented and wrapper != "RecordIO":
        # https://docs.aws.amazon.com/sagemaker/latest/dg/augmented-manifest.html
        raise JobError(f"{field}.RecordWrapperType", wrapper, "images run into each other in the pipe; use RecordIO")
    if not augmented and source.get("AttributeNames"):
        raise JobError(f"{field}.AttributeNames", source["AttributeNames"], "only an augmented manifest has them")
    if wrapper != "None" and mode != "Pipe":
        raise JobError(f"{field}.RecordWrapperType", wrapper, f"goes with Pipe alone, not with {mode}; leave it out")


def _tuning(request: Request) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningJobConfig.html
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    _definition(definition, "TrainingJobDefinition.")
    strategy, limits = config["Strategy"], config["ResourceLimits"]
    trials, at_once = limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]
    if trials > MAX_TRIALS[strategy]:
        raise JobError("MaxNumberOfTrainingJobs", trials, f"{strategy} takes at most {MAX_TRIALS[strategy]}")
    if at_once > min(trials, MAX_PARALLEL):
        raise JobError("MaxParallelTrainingJobs", at_once, f"must be at most {min(trials, MAX_PARALLEL)}")
    _hyperband(config, strategy)
    objective = config["HyperParameterTuningJobObjective"]["MetricName"]
    known = [one["Name"] for one in definition["AlgorithmSpecification"].get("MetricDefinitions", [])]
    if known and objective not in known:
        raise JobError("HyperParameterTuningJobObjective.MetricName", objective, f"must be one of {', '.join(known)}")
    if len(known) > MAX_METRICS_TUNED:
        raise JobError("MetricDefinitions", len(known), f"a tuning job takes at most {MAX_METRICS_TUNED}")
    _ranges(config["ParameterRanges"], definition.get("StaticHyperParameters", {}))


def _hyperband(config: Request, strategy: str) -> None:
    resource = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
    if strategy != "Hyperband":
        if resource:
            raise JobError("StrategyConfig.HyperbandStrategyConfig", resource, f"goes with Hyperband, not {strategy}")
        return
    if resource is None:
        raise JobError("StrategyConfig.HyperbandStrategyConfig", None, "say how many epochs a trial gets: min and max")
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        remedy = "must be Off: Hyperband stops trials by its own measure"
        raise JobError("TrainingJobEarlyStoppingType", config["TrainingJobEarlyStoppingType"], remedy)
    low, high = resource["MinResource"], resource["MaxResource"]
    if not 1 <= low < high <= MAX_HYPERBAND_EPOCHS:
        remedy = f"min must be below max, and max at most {MAX_HYPERBAND_EPOCHS}"
        raise JobError("HyperbandStrategyConfig", resource, remedy)


def _ranges(ranges: Request, static: Mapping[str, str]) -> None:
    numbers = [*ranges.get("ContinuousParameterRanges", []), *ranges.get("IntegerParameterRanges", [])]
    words = ranges.get("CategoricalParameterRanges", [])
    searched = len(numbers) + sum(len(one["Values"]) for one in words)
    if not 1 <= searched <= MAX_SEARCHED:
        remedy = f"search 1 to {MAX_SEARCHED}; every value of a categorical one counts"
        raise JobError("ParameterRanges", searched, remedy)
    for one in (*numbers, *words):
        if one["Name"] in static:
            raise JobError(f"StaticHyperParameters.{one['Name']}", static[one["Name"]], "is searched; leave it out")
    for one in numbers:
        low, high, scaling = float(one["MinValue"]), float(one["MaxValue"]), one.get("ScalingType", "Auto")
        field = f"ParameterRanges.{one['Name']}"
        if low > high:
            raise JobError(f"{field}.MinValue", low, f"must not be above MaxValue, {high}")
        if scaling == "Logarithmic" and low <= 0:
            raise JobError(f"{field}.MinValue", low, "a logarithmic scale begins above 0; raise it, or use Linear")
        if scaling == "ReverseLogarithmic" and not 0 <= low <= high < 1:
            raise JobError(field, (low, high), "a reverse logarithmic scale lies within 0 <= x < 1; use another")


def _processing(request: Request) -> None:
    cluster = request["ProcessingResources"]["ClusterConfig"]
    if LOCAL_STORAGE.match(cluster["InstanceType"]):
        remedy = "has local storage, for which SageMaker refuses the volume's key; take a family with EBS volumes only"
        raise JobError("ProcessingResources.ClusterConfig.InstanceType", cluster["InstanceType"], remedy)
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    for part in (*request.get("ProcessingInputs", []), *request["ProcessingOutputConfig"]["Outputs"]):
        place = part.get("S3Input") or part["S3Output"]
        if not place["LocalPath"].startswith("/opt/ml/processing/"):
            name = part.get("InputName") or part["OutputName"]
            raise JobError(f"{name}.LocalPath", place["LocalPath"], "must lie below /opt/ml/processing/")


def _transform(request: Request) -> None:
    payload, at_once = request.get("MaxPayloadInMB", 6), request.get("MaxConcurrentTransforms", 1)
    if payload > MAX_TRANSFORM_MB or payload * max(at_once, 1) > MAX_TRANSFORM_MB:
        remedy = f"times MaxConcurrentTransforms, {at_once}, must be at most {MAX_TRANSFORM_MB}; lower one of them"
        raise JobError("MaxPayloadInMB", payload, remedy)
    split = request["TransformInput"].get("SplitType", "None")
    if request.get("BatchStrategy") == "MultiRecord" and split == "None":
        raise JobError("BatchStrategy", "MultiRecord", "several records make a batch only where SplitType splits them")
    if LOCAL_STORAGE.match(request["TransformResources"]["InstanceType"]):
        remedy = "has local storage, for which SageMaker refuses the volume's key; take a family with EBS volumes only"
        raise JobError("TransformResources.InstanceType", request["TransformResources"]["InstanceType"], remedy)


def _model(request: Request) -> None:
    if not request.get("PrimaryContainer") and not request.get("Containers"):
        raise JobError("PrimaryContainer", None, "say which image serves which artefact")


_RULES: Mapping[str, Callable[[Request], None]] = {
    "CreateTrainingJob": _training,
    "CreateHyperParameterTuningJob": _tuning,
    "CreateProcessingJob": _processing,
    "CreateTransformJob": _transform,
    "CreateModel": _model,
}
