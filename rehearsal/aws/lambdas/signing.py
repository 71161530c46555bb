"""Code signing configurations: stored and attached to functions. Signatures themselves are not checked."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any
from urllib.parse import unquote

import moto.awslambda.urls as lambda_urls
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.awslambda.responses import LambdaResponse

Answer = tuple[int, dict[str, Any], str]


class CodeSigningConfigNotFoundError(LambdaClientError):
    """No code signing configuration has this ARN."""

    code = 404

    def __init__(self) -> None:
        super().__init__("ResourceNotFoundException", "The code signing configuration cannot be found.")


class _Tagged:
    """What moto's tag operations expect of a resource."""

    def __init__(self, tags: dict[str, str]) -> None:
        self.tags = tags


def install() -> None:
    """Add the operations, their routes and their tags."""
    for method in (
        create_code_signing_config,
        get_code_signing_config,
        update_code_signing_config,
        delete_code_signing_config,
        put_function_code_signing_config,
        delete_function_code_signing_config,
    ):
        setattr(LambdaResponse, method.__name__, method)
    base = r"{0}/(?P<api_version>[^/]+)/code-signing-configs"
    lambda_urls.url_paths[base + r"/?$"] = LambdaResponse.dispatch
    lambda_urls.url_paths[base + r"/(?P<arn>.+)$"] = LambdaResponse.dispatch
    by_arn = LambdaBackend._get_resource_by_arn

    def resource(self: Any, arn: str) -> Any:
        return _Tagged(self.signing[arn]["tags"]) if arn in self.signing else by_arn(self, arn)

    LambdaBackend._get_resource_by_arn = resource


def create_code_signing_config(self: LambdaResponse) -> Answer:
    """CreateCodeSigningConfig."""
    given = json.loads(self.body)
    name = f"csc-{uuid.uuid4().hex[:17]}"
    arn = f"arn:aws:lambda:{self.region}:{self.current_account}:code-signing-config:{name}"
    config = {
        "CodeSigningConfigId": name,
        "CodeSigningConfigArn": arn,
        "AllowedPublishers": given["AllowedPublishers"],
        "CodeSigningPolicies": given.get("CodeSigningPolicies") or {"UntrustedArtifactOnDeployment": "Warn"},
        "Description": given.get("Description", ""),
        "LastModified": _now(),
    }
    self.backend.signing[arn] = {"config": config, "tags": given.get("Tags") or {}}
    return 201, {"status": 201}, json.dumps({"CodeSigningConfig": config})


def get_code_signing_config(self: LambdaResponse) -> Answer:
    """GetCodeSigningConfig."""
    return 200, {}, json.dumps({"CodeSigningConfig": _found(self)})


def update_code_signing_config(self: LambdaResponse) -> Answer:
    """UpdateCodeSigningConfig."""
    config = _found(self)
    config.update({k: v for k, v in json.loads(self.body).items() if v is not None}, LastModified=_now())
    return 200, {}, json.dumps({"CodeSigningConfig": config})


def delete_code_signing_config(self: LambdaResponse) -> Answer:
    """DeleteCodeSigningConfig."""
    _found(self)
    del self.backend.signing[_arn(self)]
    return 204, {"status": 204}, ""


def put_function_code_signing_config(self: LambdaResponse) -> Answer:
    """PutFunctionCodeSigningConfig."""
    fn = _function(self)
    fn.code_signing_config_arn = json.loads(self.body)["CodeSigningConfigArn"]
    answer = {"CodeSigningConfigArn": fn.code_signing_config_arn, "FunctionName": fn.function_name}
    return 200, {}, json.dumps(answer)


def delete_function_code_signing_config(self: LambdaResponse) -> Answer:
    """DeleteFunctionCodeSigningConfig."""
    _function(self).code_signing_config_arn = None
    return 204, {"status": 204}, ""


def _arn(self: LambdaResponse) -> str:
    return unquote(self.raw_path.split("?")[0].split("/code-signing-configs/")[1].rstrip("/"))


def _found(self: LambdaResponse) -> dict[str, Any]:
    entry = self.backend.signing.get(_arn(self))
    if entry is None:
        raise CodeSigningConfigNotFoundError
    config: dict[str, Any] = entry["config"]
    return config


def _function(self: LambdaResponse) -> Any:
    return self.backend.get_function(unquote(self.raw_path.split("/functions/")[1].split("/")[0]))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime())
