"""The resource types that the baseline knows: those that controls name, and these, which need no control."""

from __future__ import annotations

from functools import cache

from policies.plan import WHOLE

# Why nothing about them can be insecure that another control would not see.
HARMLESS = {
    "aws_appautoscaling_scheduled_action": "moves a target between limits that the controls of scaling judge",
    "aws_budgets_budget": "only tells what was spent",
    "aws_cloudwatch_dashboard": "only shows",
    "aws_cloudwatch_event_rule": "says which events count; where they go is judged with the target",
    "aws_cloudwatch_log_metric_filter": "only counts",
    "aws_iam_instance_profile": "only carries a role, which is judged",
    "aws_kms_alias": "a name for a key, which is judged",
    "aws_lambda_function_event_invoke_config": "says how often to try again; destinations are judged with the role",
    "aws_route_table_association": "joins a subnet and a table, which are judged",
    "aws_s3_bucket_notification": "tells that there are uploads; what acts on them is judged with the target",
    "aws_scheduler_schedule_group": "only groups",
    "aws_iam_openid_connect_provider": "trusts nobody by itself: the roles' trust is judged",
    "aws_s3_object": "lies in a bucket, which is judged",
}


@cache
def known_types() -> frozenset[str]:
    """All known types."""
    from policies.registry import controls  # noqa: PLC0415 (the controls ask for this themselves)

    judged = {kind for control in controls() for kind in (*control.types, *(kind for kind, _ in control.good))}
    refused = {kind for control in controls() for kind in control.refuses}
    return frozenset({WHOLE, *HARMLESS, *judged, *refused, *RELATED})


# What controls look up beside their subjects.
RELATED = (
    "aws_ecr_repository_policy",
    "aws_sagemaker_model_package_group_policy",
    "aws_sqs_queue_policy",
)
