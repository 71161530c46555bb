"""The trained model waits in the registry for a person, who looks at how it came about and approves it."""

from __future__ import annotations

from rehearsal.actors import actor
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome


def perform(run: Run, note: Note) -> Outcome:
    arn = run.data("train")["output"]["model_package_arn"]
    sagemaker = actor(run, "approver").client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=arn)
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


APPROVAL = "Approved in rehearsal"
