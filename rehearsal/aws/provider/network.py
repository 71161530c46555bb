"""EC2: descriptions of security-group rules, launch templates without their own tags, endpoints that really go."""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Change moto's EC2."""
    _rule_descriptions()
    _launch_template_tags()
    _gone_endpoints()


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
