"""Terraform takes everything down again, and nothing may be left."""

from __future__ import annotations

import shutil

from rehearsal.account import Bootstrap
from rehearsal.actors import actor, sign_off
from rehearsal.environment import Environment
from rehearsal.inventory import inventory
from rehearsal.run import RehearsalError, Run
from rehearsal.stages import Note, Outcome
from terraform.interrupts import held

MADE_BY_SAGEMAKER = "log group: /aws/sagemaker/"
"""SageMaker makes these log groups itself, for the whole account, and no environment owns them."""


def perform(run: Run, note: Note) -> Outcome:
    keep_state(run, note)
    delete_model_packages(run, run.data("apply")["outputs"]["model_package_groups"].values(), note)
    note("terraform destroy")
    destroyed = Environment(run).destroy(note)
    note("terraform destroy of the bootstrap")
    sign_off(run)
    account = Bootstrap(run).destroy(note)
    note("looking for what is left")
    found = inventory(actor(run, "owner"))
    services_own = [name for name in found if name.startswith(MADE_BY_SAGEMAKER)]
    left = [name for name in found if name not in services_own]
    if left:
        raise RehearsalError("left behind:\n  " + "\n  ".join(left))
    count = destroyed.destroyed + account.destroyed
    evidence = f"{count} resources destroyed, nothing left"
    return evidence, {"left": left, "made_by_services": services_own, "destroyed": count}


def keep_state(run: Run, note: Note) -> None:
    """Put the last state with resources aside, so that an earlier stage can be run again after this one.

    The embedded AWS writes its state when it stops; going on with what it reads back proves that nothing was lost.
    """
    note("stopping the embedded AWS to save its state")
    run.stop_aws()
    partial = run.before_destroy.with_name(".before-destroy")
    with held():
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        shutil.copy2(run.aws_state, partial / "aws.state")
        for path in run.terraform.glob("*.tf*"):
            if path.is_file():
                shutil.copy2(path, partial / path.name)
        shutil.rmtree(run.before_destroy, ignore_errors=True)
        partial.rename(run.before_destroy)
    note("starting it again from its saved state")
    run.start_aws()


def delete_model_packages(run: Run, groups: list[str], note: Note) -> None:
    """SageMaker refuses to delete a model package group that still holds packages."""
    sagemaker = actor(run, "deploy").client("sagemaker")
    for group in groups:
        for package in sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]:
            note(f"deleting {package['ModelPackageArn']}")
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
