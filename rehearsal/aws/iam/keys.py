"""Condition keys that exist. A misspelt key would silently never match: it is an error instead.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html (global keys) and the
Service Authorization Reference (keys of services).
"""

from __future__ import annotations

import re
from functools import lru_cache

from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.reference import reference

_GLOBAL = [
    "AssumedRoot",
    "CalledVia",
    "CalledViaFirst",
    "CalledViaLast",
    "CalledViaAWSMCP",
    "ChatbotSourceArn",
    "CurrentTime",
    "Ec2InstanceSourcePrivateIPv4",
    "Ec2InstanceSourceVpc",
    "EpochTime",
    "FederatedProvider",
    "IsMcpServiceAction",
    "MultiFactorAuthAge",
    "MultiFactorAuthPresent",
    "PrincipalAccount",
    "PrincipalArn",
    "PrincipalIsAWSService",
    "PrincipalOrgID",
    "PrincipalOrgPaths",
    "PrincipalServiceName",
    "PrincipalServiceNamesList",
    "PrincipalType",
    "Referer",
    "RequestedRegion",
    "ResourceAccount",
    "ResourceOrgID",
    "ResourceOrgPaths",
    "SecureTransport",
    "SourceAccount",
    "SourceArn",
    "SourceIdentity",
    "SourceIp",
    "SourceOrgID",
    "SourceOrgPaths",
    "SourceOwner",
    "SourceVpc",
    "SourceVpcArn",
    "SourceVpce",
    "TagKeys",
    "TokenIssueTime",
    "UserAgent",
    "ViaAWSMCPService",
    "ViaAWSService",
    "VpcSourceIp",
    "VpceAccount",
    "VpceOrgID",
    "VpceOrgPaths",
    "userid",
    "username",
]
_TAGS = re.compile(r"aws:(principaltag|requesttag|resourcetag)/.+")

# Filled by identity providers: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
_PROVIDER = re.compile(r"([a-z0-9-]+\.)+[a-z]+(/[\w./-]+)?:\w[\w-]*")

# Documented beside the Service Authorization Reference, which lacks them.
_EXTRA = {
    "kms:encryptioncontext:${}",
    "kms:encryptioncontextkeys",
    "kms:granteeprincipal",
    "sts:externalid",
    "sts:rolesessionname",
    "saml:aud",
    "saml:sub",
    "saml:iss",
}


def require_known(key: str) -> None:
    """Refuse a condition key that AWS does not document.

    Raises
    ------
    PolicyEvaluationError
        Naming the key.
    """
    if not _known(key.lower()):
        raise PolicyEvaluationError(
            f"condition key {key!r} is not documented by AWS: check its spelling, or add it to keys.py"
        )


@lru_cache(maxsize=4096)
def _known(key: str) -> bool:
    if _TAGS.fullmatch(key) or _PROVIDER.fullmatch(key):
        return True
    return any(pattern.fullmatch(key) for pattern in _patterns().get(key.partition(":")[0], ()))


@lru_cache(maxsize=1)
def _patterns() -> dict[str, list[re.Pattern[str]]]:
    keys = {f"aws:{name}".lower() for name in _GLOBAL} | _EXTRA
    for service in reference().values():
        keys.update(key.lower() for key in service["keys"])
    by_prefix: dict[str, list[re.Pattern[str]]] = {}
    for key in sorted(keys):
        pattern = ".+".join(re.escape(part) for part in key.split("${}"))
        by_prefix.setdefault(key.partition(":")[0], []).append(re.compile(pattern))
    return by_prefix
