"""Whether SageMaker may act as an execution role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rehearsal.aws.iam import decide
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.iam.duties import SAGEMAKER
from rehearsal.aws.sagemaker.errors import AWSValidationException

if TYPE_CHECKING:
    from rehearsal.aws.context import Context


def require_assumable(context: Context, role_arn: str, source: str) -> None:
    """Check that the role exists and trusts SageMaker, where policies are decided for the resource ``source``.

    Raises
    ------
    AWSValidationException
        "Could not assume role ...", as CreateTrainingJob and CreateModel answer.
    """
    from moto.core.exceptions import ServiceException
    from moto.iam.models import iam_backends

    try:
        role = iam_backends[context.account_id]["aws"].get_role(role_arn.rsplit("/", 1)[-1])
    except (ServiceException, KeyError):
        role = None
    trusted = role is not None and role.arn == role_arn and _trusts(role.assume_role_policy_document)
    try:
        if trusted:
            decide.assume(SAGEMAKER, role_arn, source)
    except AccessDeniedError:
        trusted = False
    if not trusted:
        raise AWSValidationException(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{SAGEMAKER}' to assume the role."
        )


def _trusts(document: str | dict[str, Any] | None) -> bool:
    policy = json.loads(unquote(document)) if isinstance(document, str) else document or {}
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        named = [services] if isinstance(services, str) else services
        if statement.get("Effect") == "Allow" and (principal == "*" or SAGEMAKER in named):
            return True
    return False
