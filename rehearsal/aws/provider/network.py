"""EC2: descriptions of security-group rules, launch templates without their own tags, endpoints that really go."""

from __future__ import annotations

import threading
from typing import Any

from rehearsal.aws.context import Acting, current
from rehearsal.aws.iam import acting, decide
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.iam.duties import FLOW_LOGS

_FIRST_DELIVERY = 300
"""Seconds until a new flow log delivers; AWS speaks of several minutes.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html
"""


def install() -> None:
    """Change moto's EC2."""
    _rule_descriptions()
    _launch_template_tags()
    _gone_endpoints()
    _flow_log_delivery()


def _rule_descriptions() -> None:
    from moto.ec2.models.security_groups import SecurityGroupRule

    init = SecurityGroupRule.__init__

    def __init__(  # noqa: N807
        self: Any,
        ec2_backend: Any,
        ip_protocol: str,
        group_id: str,
        from_port: str | None,
        to_port: str | None,
        ip_range: dict[str, str] | None,
        source_group: dict[str, str] | None = None,
        prefix_list_id: dict[str, str] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        init(
            self,
            ec2_backend,
            ip_protocol,
            group_id,
            from_port,
            to_port,
            ip_range,
            source_group,
            prefix_list_id,
            *args,
            **kwargs,
        )
        self.prefix_description = (prefix_list_id or {}).get("Description")

    def description(self: Any) -> str | None:
        return (
            self.ip_range.get("Description") or self.source_group.get("Description") or self.prefix_description or None
        )

    SecurityGroupRule.__init__ = __init__
    SecurityGroupRule.description = property(description)


def _launch_template_tags() -> None:
    from moto.ec2.models.launch_templates import LaunchTemplateBackend

    create = LaunchTemplateBackend.create_launch_template

    def without_own_tags(
        self: Any, name: str, description: str, template_data: dict[str, Any], tag_spec: dict[str, Any]
    ) -> Any:
        inner = [t for t in template_data.get("TagSpecifications", []) if t.get("ResourceType") != "launch-template"]
        data = {k: v for k, v in template_data.items() if k != "TagSpecifications"}
        if inner:
            data["TagSpecifications"] = inner
        return create(self, name, description, data, tag_spec)

    LaunchTemplateBackend.create_launch_template = without_own_tags


def _gone_endpoints() -> None:
    from moto.ec2.models import EC2Backend

    delete = EC2Backend.delete_vpc_endpoints

    def and_forget(self: Any, vpce_ids: list[str] | None = None) -> Any:
        """Moto lists deleted endpoints for ever; AWS stops within minutes."""
        answer = delete(self, vpce_ids)
        for name in vpce_ids or []:
            self.vpc_end_points.pop(name, None)
        return answer

    EC2Backend.delete_vpc_endpoints = and_forget


def _flow_log_delivery() -> None:
    from moto.ec2.models import EC2Backend

    create = EC2Backend.create_flow_logs

    def and_deliver(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Let flow logs that have a role show whether it lets them write."""
        made, errors = create(self, *args, **kwargs)
        for flow_log in made:
            if flow_log.deliver_logs_permission_arn:
                timer = threading.Timer(current().scaled(_FIRST_DELIVERY), _deliver, (self, flow_log.id))
                timer.daemon = True
                timer.start()
        return made, errors

    EC2Backend.create_flow_logs = and_deliver


def _deliver(backend: Any, name: str) -> None:
    """Begin the stream of a flow log, or set the status that AWS shows when the role is of no use."""
    flow_log, context = backend.flow_logs.get(name), current()
    if flow_log is None:
        return
    group = flow_log.log_group_name or flow_log.log_destination.split(":log-group:", 1)[-1].removesuffix(":*")
    if not acting.group_exists(context, group):
        return
    source = f"arn:aws:ec2:{context.region}:{context.account_id}:vpc-flow-log/{name}"
    who = Acting(flow_log.deliver_logs_permission_arn, "flow-logs", FLOW_LOGS, source)
    logs = f"arn:aws:logs:{context.region}:{context.account_id}:log-group:"
    try:
        decide.assume(FLOW_LOGS, who.role, source)
        acting.demand("flow log groups", who, [f"{logs}:log-stream:"])
        acting.demand("flow log streams", who, [f"{logs}{group}:log-stream:"])
        stream = f"{flow_log.resource_id}-all"
        acting.demand("flow log stream", who, [f"{logs}{group}:log-stream:{stream}"])
    except AccessDeniedError:
        flow_log.deliver_logs_status, flow_log.deliver_logs_error_message = "FAILED", "Access error"
        return
    context.put_logs(group, stream, [f"2 {context.account_id} {flow_log.resource_id} - - - - - - - - - - NODATA"])
