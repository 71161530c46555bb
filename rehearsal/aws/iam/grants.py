"""KMS grants: permissions on a key that stand beside the policies.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.aws.iam.request import Request

_CONTEXT = "kms:encryptioncontext:"


@dataclass(frozen=True)
class Grant:
    """One grant on one key.

    Parameters
    ----------
    grantee
        ARN of a role, session or user, or a service's name.
    operations
        Without prefix, such as ``Decrypt``.
    subset, equals
        Constraints on the encryption context: pairs that must be in it, or all that must be in it.
    """

    key: str
    grantee: str
    operations: frozenset[str]
    subset: Mapping[str, str] = field(default_factory=dict)
    equals: Mapping[str, str] | None = None

    def covers(self, request: Request) -> bool:
        """Whether the grant permits a request."""
        caller = request.caller
        if self.grantee not in (caller.arn, caller.role_arn) or request.resource != self.key:
            return False
        if request.action.removeprefix("kms:") not in self.operations:
            return False
        had = {  # the case of a name in an encryption context counts, unlike that of a condition key
            name[len(_CONTEXT) :]: request.values(name) for name in request.context if name.lower().startswith(_CONTEXT)
        }
        if any(had.get(name) != (value,) for name, value in self.subset.items()):
            return False
        return self.equals is None or had == {name: (value,) for name, value in self.equals.items()}
