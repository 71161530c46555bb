"""Attributes of a function that moto accepts and forgets: each would be a difference in every Terraform plan."""

from __future__ import annotations

import base64
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction

from rehearsal.aws.lambdas import code


def install() -> None:
    """Change moto's function class."""
    _keep_fields()
    _check_packages()
    _report_zero_concurrency()
    _find_vpc()


def _keep_fields() -> None:
    init, get, update = (
        LambdaFunction.__init__,
        LambdaFunction.get_configuration,
        LambdaFunction.update_configuration,
    )

    def __init__(self: Any, account_id: str, spec: dict[str, Any], region: str, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        init(self, account_id, spec, region, *args, **kwargs)
        self.dead_letter_config = spec.get("DeadLetterConfig") or None
        self.logging_config = _logging(spec.get("LoggingConfig"), self.function_name)

    def get_configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
        answer = get(self, on_create)
        answer["LoggingConfig"] = self.logging_config
        if self.dead_letter_config and self.dead_letter_config.get("TargetArn"):
            answer["DeadLetterConfig"] = self.dead_letter_config
        return answer

    def update_configuration(self: Any, body: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in body:
            self.dead_letter_config = body["DeadLetterConfig"] or None
        if body.get("LoggingConfig"):
            self.logging_config = _logging(body["LoggingConfig"], self.function_name)
        if "KMSKeyArn" in body:
            self.kms_key_arn = body["KMSKeyArn"] or None
        if body.get("TracingConfig"):
            self.tracing_config = body["TracingConfig"]
        if body.get("EphemeralStorage"):
            self.ephemeral_storage = body["EphemeralStorage"]["Size"]
        given = {k: v for k, v in body.items() if not (k == "Environment" and "Variables" not in (v or {}))}
        if "Environment" in body and "Environment" not in given:
            self.environment_vars = {}
        update(self, given)
        result: dict[str, Any] = self.get_configuration()
        return result

    LambdaFunction.__init__ = __init__
    LambdaFunction.get_configuration = get_configuration
    LambdaFunction.update_configuration = update_configuration


def _check_packages() -> None:
    set_code = LambdaFunction._set_function_code

    def _set_function_code(self: Any, spec: dict[str, Any]) -> None:
        try:
            if spec.get("ZipFile"):
                code.check(base64.b64decode(spec["ZipFile"]))
            set_code(self, spec)
            if spec.get("S3Key") and not spec.get("ZipFile"):
                code.check(self.code_bytes)
        except code.DeploymentPackageError as error:
            raise InvalidParameterValueException(str(error)) from error

    LambdaFunction._set_function_code = _set_function_code


def _report_zero_concurrency() -> None:
    get_code = LambdaFunction.get_code

    def with_concurrency(self: Any) -> dict[str, Any]:
        answer = get_code(self)
        if self.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": int(self.reserved_concurrency)}
        return answer

    LambdaFunction.get_code = with_concurrency


def _find_vpc() -> None:
    def vpc_config(self: Any) -> dict[str, Any] | None:
        config: dict[str, Any] | None = self._vpc_config
        if not config:
            return None
        from moto.ec2.models import ec2_backends

        subnets = ec2_backends[self.account_id][self.region].subnets
        found = [by_id[i].vpc_id for by_id in subnets.values() for i in config.get("SubnetIds") or [] if i in by_id]
        return {**config, "VpcId": found[0] if found else ""}

    LambdaFunction.vpc_config = property(vpc_config)


def _logging(config: dict[str, Any] | None, name: str) -> dict[str, Any]:
    given = {k: v for k, v in (config or {}).items() if v}
    return {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **given}
