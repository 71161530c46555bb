"""A fault of managed spot training: the capacity is taken away, and the job begins anew elsewhere.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.aws.faults import book

if TYPE_CHECKING:
    from rehearsal.aws.sagemaker.training.job import TrainingJob

KIND = "interrupt-training"


def strikes(job: TrainingJob, trained_s: float) -> bool:
    """Whether a fault takes the capacity of a spot job that has trained so long since it began or began anew."""
    if not book.any_active() or not job.request.get("EnableManagedSpotTraining"):
        return False
    due = any(
        fault.kind == KIND and fault.job == job.training_job_name and trained_s >= fault.delay_s
        for fault in book.active()
    )
    return due and book.strikes(KIND, job=job.training_job_name) is not None
