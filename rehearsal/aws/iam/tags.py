"""Tags as condition keys: those of the resource that is asked for, read only when a policy speaks of them, and those
in a request that the parameters name differently.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam.errors import PolicyEvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.iam.context_keys import Context
    from rehearsal.aws.iam.document import Policy
    from rehearsal.aws.iam.evaluate import Policies
    from rehearsal.aws.iam.resources import Scope

_KEY = "aws:resourcetag/"


def asked_for(policies: Policies) -> bool:
    """Whether any of the policies has a condition, or a variable, on a tag of the resource."""
    found = [*policies.identity, *(policies.boundary or ()), *(policies.session or ())]
    found += [policy for policy in (policies.resource, policies.endpoint) if policy is not None]
    return any(_speaks_of_tags(policy) for policy in found)


@lru_cache(maxsize=2048)
def _speaks_of_tags(policy: Policy) -> bool:
    for statement in policy.statements:
        texts = [*(statement.resources or ()), *(test.key for test in statement.conditions)]
        texts += [text for test in statement.conditions for text in test.wanted]
        if any(_KEY in text.lower() for text in texts):
            return True
    return False


def of_resource(arn: str, scope: Scope) -> Context:
    """Return the tags of a resource as condition keys; none for what does not exist.

    Raises
    ------
    PolicyEvaluationError
        For a type of resource whose tags nothing here can read.
    """
    if arn == "*":
        return {}
    service, rest = arn.split(":", 5)[2], arn.split(":", 5)[5]
    if service not in _READERS:
        raise PolicyEvaluationError(f"a policy asks for aws:ResourceTag of {arn}: add a reader to {__name__}")
    found = _READERS[service](scope.account, scope.region, arn, rest)
    return {f"aws:ResourceTag/{name}": value for name, value in _pairs(found).items()}


def of_request(parameters: dict[str, Any]) -> Context:
    """Return ``aws:RequestTag/...`` of EC2's tag specifications, and ``aws:TagKeys`` where only names are given."""
    specified = [tag for part in parameters.get("TagSpecifications") or [] for tag in part.get("Tags") or []]
    found: Context = {f"aws:RequestTag/{name}": value for name, value in _pairs(specified).items()}
    names = list(_pairs(specified)) or parameters.get("TagKeys") or parameters.get("tagKeys")
    return {**found, "aws:TagKeys": sorted(map(str, names))} if names else found


def _pairs(tags: Any) -> dict[str, str]:
    """Return tags as names and values, from any of the shapes in which the backends keep them."""
    values = list(tags.values()) if isinstance(tags, dict) else list(tags or [])
    if isinstance(tags, dict) and not all(isinstance(value, dict) for value in values):
        return {str(name): str(value) for name, value in tags.items()}
    folded = [{str(name).lower().removeprefix("tag"): value for name, value in tag.items()} for tag in values]
    return {str(tag["key"]): str(tag.get("value", "")) for tag in folded}


def _role_or_user(account: str, _region: str, arn: str, _rest: str) -> Any:
    from moto.iam.models import iam_backends

    iam = iam_backends[account]["aws"]
    holders = [*iam.roles.values(), *iam.users.values(), *iam.managed_policies.values()]
    return next((holder.tags for holder in holders if str(holder.arn) == arn), {})


def _key(account: str, region: str, _arn: str, rest: str) -> Any:
    from moto.kms.models import kms_backends

    backend = kms_backends[account][region]
    name = rest.removeprefix("key/")
    return backend.list_resource_tags(name).get("Tags", []) if name in backend.keys else {}


def _function(account: str, region: str, _arn: str, rest: str) -> Any:
    from moto.awslambda.models import lambda_backends

    parts = rest.split(":")
    known = lambda_backends[account][region]._lambdas._functions
    entry = known.get(parts[1]) if parts[0] == "function" and len(parts) > 1 else None
    return lambda_backends[account][region].list_tags(entry["latest"].function_arn) if entry else {}


def _topic(account: str, region: str, arn: str, _rest: str) -> Any:
    from moto.sns.models import sns_backends

    topic = sns_backends[account][region].topics.get(arn)
    return topic._tags if topic is not None else {}


def _queue(account: str, region: str, _arn: str, rest: str) -> Any:
    from moto.sqs.models import sqs_backends

    queue = sqs_backends[account][region].queues.get(rest)
    return queue.tags if queue is not None else {}


def _sagemaker(account: str, region: str, arn: str, _rest: str) -> Any:
    from moto.sagemaker.models import sagemaker_backends

    backend: Any = sagemaker_backends[account][region]
    kept = (backend._models, backend.training_jobs, backend.endpoints, backend.endpoint_configs)
    found = (item for store in kept for item in list(store.values()))
    return next((item.tags for item in found if getattr(item, "arn", "") == arn), {})


def _ec2(account: str, region: str, _arn: str, rest: str) -> Any:
    from moto.ec2.models import ec2_backends

    return dict(ec2_backends[account][region].tags.get(rest.rsplit("/", 1)[-1], {}))


def _state_machine(account: str, region: str, arn: str, _rest: str) -> Any:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    return stepfunctions_parser_backends[account][region].tagger.get_tag_dict_for_resource(arn)


_READERS: dict[str, Callable[[str, str, str, str], Any]] = {
    "ec2": _ec2,
    "iam": _role_or_user,
    "kms": _key,
    "lambda": _function,
    "s3": lambda *_: {},  # objects' tags have keys of their own; buckets' count only where that has been enabled
    "sagemaker": _sagemaker,
    "sns": _topic,
    "sqs": _queue,
    "states": _state_machine,
}
