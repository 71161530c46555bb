"""CreateTrainingJob: script mode with the workload's own image, or one of SageMaker's built-in algorithms.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.jobs import envelope, rules
from training.jobs.plan import CODE_ARCHIVE, CODE_CHANNEL

if TYPE_CHECKING:
    from training.jobs.plan import Plan
    from training.workloads.description import Channel

OPERATION = "CreateTrainingJob"


def request(plan: Plan, name: str, *, algorithm_image: str = "") -> envelope.Request:
    """Build the request.

    Parameters
    ----------
    name
        Of the job; must begin with the environment's prefix.
    algorithm_image
        URI of a built-in algorithm's image (`training.jobs.images`), which runs in place of the workload's program.

    Raises
    ------
    JobError
        What AWS would refuse, with the remedy.
    """
    rules.demand_name("job name", name, plan.environment.job_name_prefix, 63)
    made: envelope.Request = {"TrainingJobName": name} | definition(plan, algorithm_image=algorithm_image)
    made["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] = True
    made["HyperParameters"] = dict(plan.hyperparameters) | ({} if algorithm_image else toolkit(plan))
    if plan.machines.spot:
        place = f"{plan.environment.checkpoint_uri}/{name}"
        made["CheckpointConfig"] = {"S3Uri": place, "LocalPath": "/opt/ml/checkpoints"}
    secured = envelope.secured(OPERATION, made, plan.environment, max_runtime_s=plan.machines.max_runtime_s)
    rules.check(OPERATION, secured)
    return secured


def definition(plan: Plan, *, algorithm_image: str = "") -> envelope.Request:
    """Build what a training job and the definition inside a tuning job have in common, before the envelope."""
    machines = plan.machines
    # A built-in algorithm's metrics are its own.
    # https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
    metrics = [{"Name": one.name, "Regex": one.regex} for one in plan.workload.training.metrics]
    made: envelope.Request = {
        "AlgorithmSpecification": {
            "TrainingImage": algorithm_image or plan.environment.image,
            "TrainingInputMode": "File",
            **({} if algorithm_image else {"MetricDefinitions": metrics}),
        },
        "InputDataConfig": channels(plan, with_code=not algorithm_image),
        "OutputDataConfig": {"S3OutputPath": plan.environment.artifact_uri, "CompressionType": "GZIP"},
        "ResourceConfig": {
            "InstanceType": machines.type,
            "InstanceCount": machines.count,
            "VolumeSizeInGB": machines.volume_gb,
        },
        "StoppingCondition": {},
        "EnableManagedSpotTraining": machines.spot,
    }
    if machines.max_wait_s is not None:
        made["StoppingCondition"]["MaxWaitTimeInSeconds"] = machines.max_wait_s
    if machines.warm_s:
        made["ResourceConfig"]["KeepAlivePeriodInSeconds"] = machines.warm_s
    return made


def toolkit(plan: Plan) -> dict[str, str]:
    """Hyperparameters that tell script mode what to run, and with how many processes."""
    given = {
        "sagemaker_program": plan.workload.training.program,
        "sagemaker_region": plan.environment.region,
        "sagemaker_submit_directory": CODE_ARCHIVE,
    }
    if plan.processes > 1:
        given["sagemaker_torch_distributed_enabled"] = "true"
        given["sagemaker_torch_processes_per_host"] = str(plan.workload.training.processes_per_instance)
    return given


def channels(plan: Plan, *, with_code: bool = True) -> list[dict[str, Any]]:
    """Describe the input channels, by name; code comes last."""
    given = plan.workload.data.channels
    made = [_channel(name, given[name], _uri(given[name].prefix, plan)) for name in sorted(given)]
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", "S3Uri": plan.code}
    code = {"ChannelName": CODE_CHANNEL, "InputMode": "File", "DataSource": {"S3DataSource": source}}
    return [*made, code] if with_code else made


def _channel(name: str, channel: Channel, uri: str) -> dict[str, Any]:
    source: dict[str, Any] = {
        "S3DataType": channel.data_type,
        "S3DataDistributionType": channel.distribution,
        "S3Uri": uri,
    }
    if channel.attributes:
        source["AttributeNames"] = list(channel.attributes)
    made: dict[str, Any] = {
        "ChannelName": name,
        "ContentType": channel.content_type,
        "InputMode": channel.input_mode,
        "DataSource": {"S3DataSource": source},
    }
    if channel.record_wrapper != "None":
        made["RecordWrapperType"] = channel.record_wrapper
    if channel.shuffle_seed is not None:
        made["ShuffleConfig"] = {"Seed": channel.shuffle_seed}
    return made


def _uri(prefix: str, plan: Plan) -> str:
    """Channels of the dataset follow the choice of one, the others stay where they are."""
    bucket = f"s3://{plan.environment.data_bucket}"
    uri = f"{bucket}/{prefix}"
    usual = plan.environment.dataset_uri
    return f"{plan.dataset}{uri.removeprefix(usual)}" if uri.startswith(f"{usual}/") else uri
