"""One call that a role makes, and what counts as its refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.prove.forbidden.world import World

OUTSIDE, PLAIN_HTTP = "outside", "plain-http"
OWNER = ""
"""In a control: the account's root user."""

# What services answer to whoever may not: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
# and, for EC2, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}


@dataclass(frozen=True)
class Attempt:
    """A call by one role.

    Parameters
    ----------
    family
        What is tried, such as ``other bucket``.
    role
        Name of the role; :data:`OWNER` in a control.
    operation
        As in the service's API, such as ``GetObject``.
    way
        How the call travels where that is what is wrong with it: :data:`OUTSIDE` or :data:`PLAIN_HTTP`.
    """

    family: str
    role: str
    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    way: str = ""


Family = Callable[[World], Iterator[Attempt]]


@dataclass(frozen=True)
class Answer:
    """What a call was answered: an error's code, or "" when it was carried out."""

    attempt: Attempt
    code: str
    message: str = ""

    @property
    def refused(self) -> bool:
        """Whether it was refused for want of a permission, and for no other reason."""
        return self.code in REFUSALS
