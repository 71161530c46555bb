"""The trained model waits in the registry for a person, who looks at how it came about and approves it."""

from __future__ import annotations

from typing import Any

from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome, for_each


def perform(run: Run, note: Note) -> Outcome:
    return for_each(run, lambda workload: register(run, workload.name, note))


def register(run: Run, workload: str, note: Note) -> Outcome:
    """Approve one workload's new model."""
    trained = run.data("train", workload)
    arn = trained["output"]["model_package_arn"]
    sagemaker = actor(run, "approver").client("sagemaker")
    group = arn.split(":model-package/")[-1].rpartition("/")[0]
    listed = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    if arn not in {one["ModelPackageArn"] for one in listed}:
        raise RehearsalError(f"{arn} is not among the models that the approver is shown: {listed}")
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    demand_envelope(sagemaker.describe_training_job(TrainingJobName=trained["job_name"]))
    status = package["ModelApprovalStatus"]
    if status == "Approved" and package.get("ApprovalDescription") == APPROVAL:
        note("approved by an earlier run of this stage")
    elif status != "PendingManualApproval":
        raise RehearsalError(f"{arn} is {status}: a new model must wait for a person's approval")
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=APPROVAL)
    container = package["InferenceSpecification"]["Containers"][0]
    facts = {
        "model_package_arn": arn,
        "version": str(package["ModelPackageVersion"]),
        "status": "Approved",
        "image": container["Image"],
        "model_data_url": container["ModelDataUrl"],
        "metadata": package.get("CustomerMetadataProperties", {}),
    }
    name = arn.split(":model-package/")[-1]
    return f"{name} was pending, now approved", facts


def demand_envelope(job: dict[str, Any]) -> None:
    """RehearsalError unless the job ran isolated, in the VPC and encrypted: an approver lets nothing else through."""
    kept = {
        "in the VPC": bool(job.get("VpcConfig", {}).get("Subnets")),
        "isolated": job.get("EnableNetworkIsolation") is True,
        "encrypted between its instances": job.get("EnableInterContainerTrafficEncryption") is True,
    }
    missing = [name for name, done in kept.items() if not done]
    if missing:
        raise RehearsalError(f"{job.get('TrainingJobName')} was not {' nor '.join(missing)}: its model is not approved")


APPROVAL = "Approved in rehearsal"
