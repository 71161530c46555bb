"""What stops a decision: a policy or a call that is not understood is never taken for a permission."""

from __future__ import annotations


class PolicyEvaluationError(ValueError):
    """A policy document, condition or request value cannot be evaluated as AWS documents it."""


class UnmappedCallError(LookupError):
    """No rule and no row says which actions or resources an API call needs; the table in ``tables.py`` wants one."""
