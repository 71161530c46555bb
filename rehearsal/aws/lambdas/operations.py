"""Lambda operations that moto lacks or answers wrongly, as methods of its response class."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import moto.awslambda.urls as lambda_urls
from moto.awslambda.exceptions import InvalidParameterValueException, UnknownEventConfig
from moto.awslambda.responses import LambdaResponse

from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.lambdas import provisioned, submit
from rehearsal.aws.lambdas.backend import engine
from rehearsal.aws.lambdas.concurrency import ACCOUNT_LIMIT, ThrottleError

Answer = tuple[int, dict[str, Any], str | bytes]

_SYNC_LIMIT = 6_291_556  # bytes of a request or response payload
_EVENT_LIMIT = 1_048_576
_LOG_TAIL = 4096


def install() -> None:
    """Add the methods and their routes."""
    for method in (
        invoke,
        put_provisioned_concurrency_config,
        get_provisioned_concurrency_config,
        delete_provisioned_concurrency_config,
        list_provisioned_concurrency_configs,
        put_function_event_invoke_config,
        update_function_event_invoke_config,
        get_function_event_invoke_config,
        delete_function_event_invoke_config,
        list_function_event_invoke_configs,
        get_account_settings,
    ):
        setattr(LambdaResponse, method.__name__, method)
    function = r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)"
    lambda_urls.url_paths[function + r"/provisioned-concurrency/?$"] = LambdaResponse.dispatch
    lambda_urls.url_paths[r"{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch


def invoke(self: LambdaResponse) -> Answer:
    """Invoke: RequestResponse, Event and DryRun, with Qualifier, log tail and the payload limits."""
    name, qualifier = _function(self), _query(self, "Qualifier")
    target = self.backend.resolve(name, qualifier)
    body = self.body.encode() if isinstance(self.body, str) else self.body or b""
    kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    limit = _EVENT_LIMIT if kind == "Event" else _SYNC_LIMIT
    if len(body) > limit:
        message = f"{len(body)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        return _refuse(413, "RequestTooLargeException", message)
    try:
        json.loads(body or b"{}")
    except ValueError as error:
        return _refuse(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
    if kind == "DryRun":
        return 204, {"status": 204}, b""
    if kind == "Event":
        submit(target.arn, body or b"{}")
        return 202, {"status": 202}, b""
    if kind != "RequestResponse":
        raise InvalidParameterValueException(f"InvocationType {kind!r} is none of RequestResponse, Event, DryRun")
    try:
        result, tail = self.backend.run(target, body or b"{}")
    except (ThrottleError, AccessDeniedError) as error:
        return _not_run(error)
    headers: dict[str, Any] = {
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": str(target.fn.version),
        "X-Amzn-RequestId": result.request_id,
    }
    payload, failure = result.payload, result.error
    if len(payload) > _SYNC_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({_SYNC_LIMIT} bytes)."
        payload = json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()
        failure = "Unhandled"
    if failure:
        headers["X-Amz-Function-Error"] = failure
    if self.headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(tail.encode()[-_LOG_TAIL:]).decode()
    return 200, headers, payload


def _not_run(error: ThrottleError | AccessDeniedError) -> Answer:
    if isinstance(error, ThrottleError):
        return _refuse(429, "TooManyRequestsException", str(error), Reason=error.reason)
    return _refuse(403, "AccessDeniedException", f"Lambda could not start the function with its role: {error}")


def put_provisioned_concurrency_config(self: LambdaResponse) -> Answer:
    """PutProvisionedConcurrencyConfig."""
    count = json.loads(self.body)["ProvisionedConcurrentExecutions"]
    qualifier = _query(self, "Qualifier") or "$LATEST"
    config = provisioned.put(self.backend, engine().pool, _function(self), qualifier, int(count))
    return 202, {"status": 202}, json.dumps(config.response())


def get_provisioned_concurrency_config(self: LambdaResponse) -> Answer:
    """GetProvisionedConcurrencyConfig."""
    config = provisioned.get(self.backend, _function(self), _query(self, "Qualifier") or "$LATEST")
    return 200, {}, json.dumps(config.response())


def delete_provisioned_concurrency_config(self: LambdaResponse) -> Answer:
    """DeleteProvisionedConcurrencyConfig."""
    provisioned.delete(self.backend, engine().pool, _function(self), _query(self, "Qualifier") or "$LATEST")
    return 204, {"status": 204}, ""


def list_provisioned_concurrency_configs(self: LambdaResponse) -> Answer:
    """ListProvisionedConcurrencyConfigs."""
    name = self.backend.get_function(_function(self)).function_name
    configs = [
        {"FunctionArn": self.backend.resolve(name, config.qualifier).arn, **config.response()}
        for (owner, _), config in self.backend.provisioned.items()
        if owner == name
    ]
    return 200, {}, json.dumps({"ProvisionedConcurrencyConfigs": configs})


def put_function_event_invoke_config(self: LambdaResponse) -> Answer:
    """PutFunctionEventInvokeConfig: replaces the configuration of one qualifier."""
    return _store_event_config(self, {})


def update_function_event_invoke_config(self: LambdaResponse) -> Answer:
    """UpdateFunctionEventInvokeConfig: changes only what is given."""
    return _store_event_config(self, _event_config(self))


def get_function_event_invoke_config(self: LambdaResponse) -> Answer:
    """GetFunctionEventInvokeConfig."""
    return 200, {}, json.dumps(_event_config(self))


def delete_function_event_invoke_config(self: LambdaResponse) -> Answer:
    """DeleteFunctionEventInvokeConfig."""
    _event_config(self)
    del self.backend.event_configs[_event_key(self)]
    return 204, {"status": 204}, ""


def list_function_event_invoke_configs(self: LambdaResponse) -> Answer:
    """ListFunctionEventInvokeConfigs."""
    name = self.backend.get_function(unquote(self.path.split("/")[3])).function_name
    configs = [config for (owner, _), config in self.backend.event_configs.items() if owner == name]
    return 200, {}, json.dumps({"FunctionEventInvokeConfigs": configs})


def get_account_settings(self: LambdaResponse) -> Answer:
    """GetAccountSettings: the quotas that reserved and provisioned concurrency are measured against."""
    functions = list(self.backend.list_functions())
    reserved = sum(int(fn.reserved_concurrency or 0) for fn in functions)
    limits = {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": ACCOUNT_LIMIT,
        "UnreservedConcurrentExecutions": ACCOUNT_LIMIT - reserved,
    }
    usage = {"TotalCodeSize": sum(fn.code_size for fn in functions), "FunctionCount": len(functions)}
    return 200, {}, json.dumps({"AccountLimit": limits, "AccountUsage": usage})


def _function(self: LambdaResponse) -> str:
    """Return the name or ARN in the path: the segment after ``functions``."""
    return unquote(self.raw_path.split("?")[0].split("/functions/", 1)[1].split("/", 1)[0])


def _query(self: LambdaResponse, name: str) -> str | None:
    """Return a query parameter; moto's own lookup also searches the body, where events may hold anything."""
    return parse_qs(urlsplit(self.uri).query).get(name, [None])[0]


def _event_key(self: LambdaResponse) -> tuple[str, str]:
    target = self.backend.resolve(_function(self), _query(self, "Qualifier"))
    return target.name, target.qualifier or "$LATEST"


def _event_config(self: LambdaResponse) -> dict[str, Any]:
    key = _event_key(self)
    if key not in self.backend.event_configs:
        raise UnknownEventConfig(_event_arn(self, key))
    config: dict[str, Any] = self.backend.event_configs[key]
    return config


def _event_arn(self: LambdaResponse, key: tuple[str, str]) -> str:
    return f"arn:aws:lambda:{self.region}:{self.current_account}:function:{key[0]}:{key[1]}"


def _store_event_config(self: LambdaResponse, base: dict[str, Any]) -> Answer:
    from moto.awslambda.models import EventInvokeConfig

    key = _event_key(self)
    given = {k: v for k, v in json.loads(self.body).items() if v is not None}
    EventInvokeConfig(_event_arn(self, key), "", given)  # raises AWS's validation errors
    config = {"DestinationConfig": {"OnSuccess": {}, "OnFailure": {}}, **base, **given}
    config |= {"FunctionArn": _event_arn(self, key), "LastModified": time.time()}
    self.backend.event_configs[key] = config
    return 200, {}, json.dumps(config)


def _refuse(status: int, code: str, message: str, **extra: str) -> Answer:
    body = {"Type": "User", "message": message, "Message": message, **extra}
    return status, {"status": status, "x-amzn-ErrorType": code}, json.dumps(body)
