"""Choose the model to go back to, and make sure that it may and can serve."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from terraform.command import TerraformError
from terraform.live.compare import of_artefact
from terraform.live.ledger import Entry
from terraform.live.models import Model, same
from terraform.live.observed import artefact


class RefusedError(TerraformError):
    """There is no way back, or not to this model; nothing was changed."""


def choose(entries: Iterable[Entry], workload: str, present: Model | None, version: str = "") -> Model:
    """Return the newest model that was verified live, is not the present one, and was not itself gone back from.

    Parameters
    ----------
    entries
        Of the ledger, the newest first.
    present
        What the environment's file names now, live or not.
    version
        Take this one instead, whatever became of it.

    Raises
    ------
    RefusedError
        When there is none.
    """
    left: list[Model] = []
    known: dict[str, Model] = {}
    for entry in entries:
        model = entry.models.get(workload)
        if model is not None and not same(model, present):
            if str(model.get("version")) == version or (not version and not any(same(model, bad) for bad in left)):
                return model
            known.setdefault(str(model.get("version")), model)
        if workload in entry.instead_of:
            left.append(entry.instead_of[workload])
    if version:
        listed = ", ".join(known) or "none but the present one"
        raise RefusedError(
            f"nothing was changed: {workload} was never verified live as version {version}; known: {listed}"
        )
    was = f"; gone back from before: {', '.join(known)} (TO=VERSION takes one all the same)" if known else ""
    raise RefusedError(f"nothing was changed: no other model of {workload} was ever verified live here{was}")


def demand_usable(model: Model, session: Any) -> None:
    """RefusedError unless the model's package is still approved and its artefact is what was promoted."""
    name, arn = f"version {model.get('version')}", model.get("model_package_arn")
    other = "choose another with TO=VERSION"
    if not arn:
        raise RefusedError(
            f"nothing was changed: {name} names no model package, so nobody can say who approved it; {other}"
        )
    sagemaker = session.client("sagemaker")
    try:
        status = sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"]
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        status = "gone"
    if status != "Approved":
        raise RefusedError(f"nothing was changed: {name} may not serve, its package {arn} is {status}; {other}")
    url = str(model["model_data_url"])
    if faults := list(of_artefact(url, model, artefact(session.client("s3"), url, model))):
        raise RefusedError(f"nothing was changed: {name} cannot serve, {faults[0]}; or {other}")


def promoted_again(model: Model) -> dict[str, Any]:
    """The model as promoted now: its new date gives it a new name in SageMaker, as its old one may still be taken."""
    return {**model, "promoted": datetime.now(UTC).isoformat(timespec="seconds")}
