"""moto's Lambda backend with versions, aliases, concurrency, events and deletions that act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import moto.awslambda.urls as lambda_urls
from moto.awslambda.models import LambdaBackend

from rehearsal.aws.context import current
from rehearsal.aws.iam.acting import demand_call
from rehearsal.aws.lambdas import concurrency, permissions, provisioned
from rehearsal.aws.lambdas.target import Target, resolve

if TYPE_CHECKING:
    from rehearsal.aws.lambdas.engine import Engine
    from rehearsal.aws.lambdas.worker import Result

_engine: list[Engine] = []


def use(engine: Engine) -> None:
    """Make ``engine`` the one that runs every function of this process."""
    _engine[:] = [engine]


def engine() -> Engine:
    """Return the engine of this process."""
    return _engine[0]


class LocalLambdaBackend(LambdaBackend):
    """The functions of one account and region.

    Attributes
    ----------
    provisioned
        Provisioned concurrency per (function, qualifier).
    event_configs
        Event invoke configuration per (function, qualifier).
    signing
        Code signing configurations per ARN.
    """

    # moto derives the URL module from the module name of the class, which is not moto's here
    @property
    def _url_module(self) -> Any:
        return lambda_urls

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.provisioned: dict[tuple[str, str], provisioned.Config] = {}
        self.event_configs: dict[tuple[str, str], dict[str, Any]] = {}
        self.signing: dict[str, dict[str, Any]] = {}

    def run(self, target: Target, event: bytes) -> tuple[Result, str]:
        """Run one event on a resolved target; see :meth:`rehearsal.aws.lambdas.engine.Engine.invoke`."""
        reserved = self.get_function(target.name).reserved_concurrency
        config = self.provisioned.get((target.name, target.qualifier or ""))
        return engine().invoke(
            target,
            event,
            reserved=None if reserved is None else int(reserved),
            allocated=config.allocated if config else 0,
        )

    def resolve(self, name_or_arn: str, qualifier: str | None = None) -> Target:
        """Find what a call names."""
        return resolve(self, name_or_arn, qualifier)

    def settings(self, name: str, qualifier: str | None) -> tuple[dict[str, Any], str | None]:
        """Return the event invoke configuration of a qualifier, and the dead-letter ARN of the function."""
        config = self.event_configs.get((name, qualifier or "$LATEST"), {})
        dead_letters = getattr(self.get_function(name, qualifier), "dead_letter_config", None) or {}
        return config, dead_letters.get("TargetArn") or None

    def create_function(self, spec: dict[str, Any]) -> Any:
        """Refuse a role that cannot do what the function needs, as AWS does."""
        dead_letters = (spec.get("DeadLetterConfig") or {}).get("TargetArn") or ""
        permissions.demand_creation(
            current(), str(spec.get("FunctionName")), spec["Role"], spec.get("VpcConfig") or {}, dead_letters
        )
        return super().create_function(spec)

    def update_function_configuration(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Refuse a change that the function's role does not allow for, as AWS does."""
        fn = self.get_function(function_name, qualifier)
        config = body["DeadLetterConfig"] if "DeadLetterConfig" in body else getattr(fn, "dead_letter_config", None)
        vpc = body.get("VpcConfig") or fn.vpc_config or {}
        dead_letters = (config or {}).get("TargetArn") or ""
        permissions.demand_creation(current(), fn.function_name, body.get("Role") or fn.role, vpc, dead_letters)
        return super().update_function_configuration(function_name, qualifier, body)

    def put_function_concurrency(self, function_name: str, reserved_concurrency: str) -> str:
        """Refuse what would starve the account's other functions."""
        concurrency.demand_unreserved(self.list_functions(), function_name, int(reserved_concurrency))
        return super().put_function_concurrency(function_name, reserved_concurrency)

    def update_alias(self, name: str, function_name: str, *args: Any, **kwargs: Any) -> Any:
        """Move provisioned concurrency along with the alias."""
        alias = super().update_alias(name, function_name, *args, **kwargs)
        provisioned.follow_alias(self, engine().pool, function_name, name)
        return alias

    def delete_alias(self, name: str, function_name: str) -> None:
        """Forget what hangs on the alias."""
        provisioned.delete(self, engine().pool, function_name, name)
        self.event_configs.pop((function_name, name), None)
        super().delete_alias(name, function_name)

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """End the environments of what is deleted."""
        target = self.resolve(function_name, qualifier)
        super().delete_function(function_name, qualifier)
        if not target.qualifier:
            permissions.removed(current(), target.fn)
        version = str(target.fn.version) if target.qualifier else None
        for store in (self.provisioned, self.event_configs):
            for key in [k for k in store if k[0] == target.name and target.qualifier in (None, k[1])]:
                del store[key]
        if version is None:
            self._lambdas._aliases.pop(
                f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:{target.name}", None
            )
        engine().pool.drop(target.name, version)

    def update_function_code(self, function_name: str, qualifier: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Change the code once, and publish when asked: moto changes it a second time, on the published version."""
        fn = self.get_function(function_name, qualifier)
        before = fn.code_sha_256
        changed_before = fn.code_or_config_updated
        answer = fn.update_function_code(body)
        fn.code_or_config_updated = changed_before or fn.code_sha_256 != before
        if body.get("Publish") and not body.get("DryRun"):
            published = self.publish_version(fn.function_name)
            return published.get_configuration() if published else None
        return answer

    def create_event_source_mapping(self, spec: dict[str, Any]) -> Any:
        """Keep the alias that a mapping names, and leave polling to :mod:`rehearsal.aws.lambdas.polling`."""
        source = str(spec.get("EventSourceArn", ""))
        if ":sqs:" in source:
            permissions.demand_polling(current(), self.resolve(spec["FunctionName"]).fn, source)
        mapping = super().create_event_source_mapping(spec)
        stored = mapping.function_arn
        mapping.function_arn = self.resolve(spec["FunctionName"]).arn
        from moto.sqs.models import sqs_backends

        for queue in sqs_backends[self.account_id][self.region_name].queues.values():
            if queue.queue_arn == mapping.event_source_arn:
                queue.lambda_event_source_mappings.pop(stored, None)
        return mapping

    def invoke(
        self, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
    ) -> bytes | None:
        """Serve moto's own triggers: one synchronous call.

        They do not say who calls: all of them are asked for as subscriptions to logs are, and any other is refused.
        """
        payload = body.encode() if isinstance(body, str) else body or b"{}"
        target = self.resolve(function_name, qualifier)
        source = f"arn:aws:logs:{self.region_name}:{self.account_id}:log-group:*"
        demand_call("log subscription", "lambda", "Invoke", {"FunctionName": target.arn}, source=source)
        result, _ = self.run(target, payload)
        if result.error:
            response_headers["x-amz-function-error"] = result.error
        return result.payload
