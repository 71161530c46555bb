"""What ModelTrainer and HyperparameterTuner send: a JSON list of jobs' facts in, a list of their requests out.

No call leaves the process: a hook of boto answers each of them, and keeps the one that matters.
"""

from __future__ import annotations

import contextlib
import json
import sys
from types import SimpleNamespace
from typing import Any

ACCOUNT = "123456789012"


def main() -> None:
    jobs = json.load(sys.stdin)
    json.dump([sent(facts) for facts in jobs], sys.__stdout__ or sys.stdout)


def sent(facts: dict[str, Any]) -> dict[str, Any]:
    """The one request of a job, as it would go over the wire."""
    import boto3  # noqa: PLC0415
    from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415  (seconds; and it prints)
    from sagemaker.core.shapes import MetricDefinition, Tag  # noqa: PLC0415
    from sagemaker.core.training import configs  # noqa: PLC0415
    from sagemaker.train import ModelTrainer  # noqa: PLC0415

    calls: list[dict[str, Any]] = []

    def answer(model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        if model.name in {"CreateTrainingJob", "CreateHyperParameterTuningJob"}:
            calls.append(json.loads(params["body"]))
        return SimpleNamespace(status_code=200, headers={}), _reply(model.name)

    boto = boto3.Session(region_name=facts["region"], aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    boto.events.register("before-call", answer)
    session = Session(boto_session=boto, sagemaker_client=boto.client("sagemaker"), default_bucket="bucket")
    checkpoints = facts.get("checkpoint_uri")
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=facts["role"],
        base_job_name="job",
        training_image=facts["image"],
        training_input_mode="File",
        compute=configs.Compute(
            instance_type=facts["instance_type"],
            instance_count=facts["instance_count"],
            volume_size_in_gb=facts["volume_gb"],
            volume_kms_key_id=facts["volume_key"],
            enable_managed_spot_training=facts["spot"],
            keep_alive_period_in_seconds=facts.get("warm_s"),
        ),
        networking=configs.Networking(
            subnets=facts["subnets"],
            security_group_ids=facts["security_groups"],
            enable_network_isolation=True,
            enable_inter_container_traffic_encryption=True,
        ),
        stopping_condition=configs.StoppingCondition(
            max_runtime_in_seconds=facts["max_runtime_s"], max_wait_time_in_seconds=facts.get("max_wait_s")
        ),
        output_data_config=configs.OutputDataConfig(s3_output_path=facts["output"], kms_key_id=facts["output_key"]),
        checkpoint_config=configs.CheckpointConfig(s3_uri=checkpoints) if checkpoints else None,
        hyperparameters=facts["hyperparameters"],
        input_data_config=[_channel(one) for one in facts["channels"]],
        tags=[Tag(key=key, value=value) for key, value in facts["tags"].items()],
    ).with_metric_definitions([MetricDefinition(name=name, regex=regex) for name, regex in facts["metrics"]])
    if "searched" in facts:
        _search(trainer, facts)
    else:
        trainer.train(wait=False, logs=False)
    return calls[-1]


def _search(trainer: Any, facts: dict[str, Any]) -> None:
    """Search one continuous hyperparameter with the SDK's tuner: `searched` is its name, least and largest value."""
    from sagemaker.core.parameter import ContinuousParameter  # noqa: PLC0415  (see `sent`)
    from sagemaker.train.tuner import HyperparameterTuner  # noqa: PLC0415

    name, low, high = facts["searched"]
    HyperparameterTuner(
        trainer,
        objective_metric_name=facts["metrics"][0][0],
        hyperparameter_ranges={name: ContinuousParameter(low, high)},
        metric_definitions=[{"Name": name, "Regex": regex} for name, regex in facts["metrics"]],
        max_jobs=2,
        max_parallel_jobs=1,
    ).tune(wait=False)


def _channel(one: dict[str, Any]) -> Any:
    from sagemaker.core.shapes import Channel, DataSource, S3DataSource, ShuffleConfig  # noqa: PLC0415  (see `sent`)

    source = S3DataSource(
        s3_data_type=one["data_type"],
        s3_uri=one["uri"],
        s3_data_distribution_type=one["distribution"],
        attribute_names=one.get("attributes"),
    )
    return Channel(
        channel_name=one["name"],
        content_type=one.get("content_type"),
        input_mode=one["input_mode"],
        record_wrapper_type=one.get("record_wrapper"),
        shuffle_config=ShuffleConfig(seed=one["shuffle_seed"]) if "shuffle_seed" in one else None,
        data_source=DataSource(s3_data_source=source),
    )


def _reply(operation: str) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/job"
    search = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:hyper-parameter-tuning-job/job"
    named = {"HyperParameterTuningJobName": "job", "HyperParameterTuningJobArn": search}
    replies: dict[str, dict[str, Any]] = {
        "CreateHyperParameterTuningJob": {"HyperParameterTuningJobArn": search},
        "CreateTrainingJob": {"TrainingJobArn": arn},
        "DescribeHyperParameterTuningJob": named | {"HyperParameterTuningJobStatus": "Completed"},
        "DescribeTrainingJob": {"TrainingJobName": "job", "TrainingJobArn": arn, "TrainingJobStatus": "Completed"},
        "GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/x", "UserId": "x"},
    }
    return replies.get(operation, {}) | {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main()
