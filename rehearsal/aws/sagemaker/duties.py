"""What SageMaker does with an execution role besides reading and writing data, which goes over HTTP.

Roles of training jobs and of endpoints: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.context import Acting
from rehearsal.aws.iam import acting, decide, kms
from rehearsal.aws.iam.duties import SAGEMAKER
from rehearsal.aws.sagemaker import settings
from rehearsal.aws.sagemaker.images import repository

if TYPE_CHECKING:
    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.jobs import Job
    from rehearsal.aws.sagemaker.serving.spec import VariantSpec
    from rehearsal.aws.sagemaker.training.job import TrainingJob


def of_job(job: TrainingJob) -> Acting:
    """Return the role of a training job as SageMaker assumes it."""
    return Acting(job.role_arn, settings.ROLE_SESSION, SAGEMAKER, job.arn)


def of_endpoint(context: Context, name: str, role_arn: str) -> Acting:
    """Return the role of an endpoint's model as SageMaker assumes it."""
    arn = f"arn:aws:sagemaker:{context.region}:{context.account_id}:endpoint/{name.lower()}"
    return Acting(role_arn, settings.ROLE_SESSION, SAGEMAKER, arn)


def of(job: Job) -> Acting:
    """Return the role of a processing or transform job as SageMaker assumes it."""
    return Acting(job.role_arn, settings.ROLE_SESSION, SAGEMAKER, job.arn)


def demand_training(context: Context, job: TrainingJob) -> None:
    """Ask for what a training job needs before its program starts.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced: the job fails with it.
    """
    request = job.request
    image, volume = request["AlgorithmSpecification"].get("TrainingImage", ""), request["ResourceConfig"]
    _demand_cluster(context, of_job(job), image, request.get("VpcConfig") or {}, volume.get("VolumeKmsKeyId"))
    _look_at_logs(context, of_job(job), settings.TRAINING_LOG_GROUP)


def demand_processing(context: Context, job: Job) -> None:
    """Ask for what a processing job needs before its program starts.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced: the job fails with it.
    """
    request = job.request
    vpc = (request.get("NetworkConfig") or {}).get("VpcConfig") or {}
    volume = request["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId")
    _demand_cluster(context, of(job), request["AppSpecification"]["ImageUri"], vpc, volume)
    _look_at_logs(context, of(job), settings.PROCESSING_LOG_GROUP)


def demand_transform(context: Context, job: Job, spec: VariantSpec) -> None:
    """Ask for what a transform job needs before its servers start.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced: the job fails with it.
    """
    _demand_cluster(context, of(job), spec.image, spec.vpc, job.request["TransformResources"].get("VolumeKmsKeyId"))
    _look_at_logs(context, of(job), settings.TRANSFORM_LOG_GROUP)


def demand_serving(context: Context, who: Acting, spec: VariantSpec, log_group: str) -> None:
    """Ask for what an endpoint needs before its servers start.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced: the endpoint fails with it.
    """
    if not decide.deciding():
        return
    _demand_image(context, who, spec.image)
    _demand_network(context, who, spec.vpc)
    _look_at_logs(context, who, log_group)
    may_measure(who, "/aws/sagemaker/Endpoints")


def demand_capture(who: Acting, bucket: str, key: str, encryption: dict[str, str]) -> None:
    """Ask for an object of captured data that is written without a request.

    Raises
    ------
    AccessDeniedError
        Where refusals are enforced.
    """
    needed = decide.needs("s3", "PutObject", {"Bucket": bucket, "Key": key, **encryption})
    decide.as_role(who, "PutObject", needed, through="s3")


def may_measure(who: Acting, namespace: str) -> bool:
    """Whether SageMaker may publish the metrics of a container's instances with the role."""
    return acting.may("container metrics", who, keys={"cloudwatch:namespace": namespace})


def _demand_cluster(context: Context, who: Acting, image: str, vpc: dict[str, Any], volume: str | None) -> None:
    """Ask for the image, the interfaces and the key of the volumes."""
    if not decide.deciding():
        return
    _demand_image(context, who, image)
    _demand_network(context, who, vpc)
    if volume:
        key = kms.key_arn(volume, context.account_id, context.region) or volume
        keys = {"kms:GrantIsForAWSResource": "true", **kms.through("sagemaker", context.account_id, context.region)}
        acting.demand("cluster volume", who, [key], keys)


def _demand_image(context: Context, who: Acting, uri: str) -> None:
    """Ask for the pull of an image. What the policy of another account's registry says is not known here."""
    acting.demand("registry", who)
    host = uri.split("/", 1)[0].split(".")
    if host[0] == context.account_id and "ecr" in host:
        base = f"arn:aws:ecr:{host[host.index('ecr') + 1]}:{context.account_id}"
        acting.demand("image", who, [f"{base}:repository/{repository(uri)}"])


def _demand_network(context: Context, who: Acting, vpc: dict[str, Any]) -> None:
    if not vpc.get("Subnets"):
        return
    base = f"arn:aws:ec2:{context.region}:{context.account_id}"
    interfaces = f"{base}:network-interface/*"
    joined = [f"{base}:subnet/{name}" for name in vpc["Subnets"]]
    joined += [f"{base}:security-group/{name}" for name in vpc.get("SecurityGroupIds") or []]
    acting.demand("cluster interfaces", who, [*joined, interfaces])
    acting.demand("cluster interfaces managed", who, [interfaces])
    acting.demand("cluster network", who)


def _look_at_logs(context: Context, who: Acting, group: str) -> None:
    if not decide.deciding():
        return
    # On AWS the ARN of a group ends in an empty stream in every action but those on tags.
    acting.may(
        "container log group",
        who,
        [f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{group}:log-stream:"],
    )
