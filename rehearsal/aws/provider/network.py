"""EC2: descriptions of every kind of security-group rule, and launch templates without their own tags inside."""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Change moto's EC2."""
    _rule_descriptions()
    _launch_template_tags()


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

    SecurityGroupRule.__init__ = __init__  # type: ignore[method-assign]
    SecurityGroupRule.description = property(description)  # type: ignore[assignment, method-assign]


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

    LaunchTemplateBackend.create_launch_template = without_own_tags  # type: ignore[method-assign]
