"""Budgets: subscribers of a notification, updates, and tags."""

from __future__ import annotations

import json
from typing import Any

from moto.budgets.models import BudgetsBackend
from moto.budgets.responses import BudgetsResponse


def install() -> None:
    """Add the operations; tags live on the backend, so that they are saved with it."""
    create = BudgetsResponse.create_budget

    def create_budget(self: BudgetsResponse) -> str:
        answer = create(self)
        arn = f"arn:aws:budgets::{self._get_param('AccountId')}:budget/{self._get_param('Budget')['BudgetName']}"
        _tags(self.backend)[arn] = {t["Key"]: t["Value"] for t in self._get_param("ResourceTags") or []}
        return answer

    BudgetsResponse.create_budget = create_budget
    for method in (
        describe_subscribers_for_notification,
        create_subscriber,
        delete_subscriber,
        update_notification,
        update_budget,
        list_tags_for_resource,
        tag_resource,
        untag_resource,
    ):
        setattr(BudgetsResponse, method.__name__, method)


def describe_subscribers_for_notification(self: BudgetsResponse) -> str:
    """DescribeSubscribersForNotification."""
    found = _notification(self)
    return json.dumps({"Subscribers": found.subscribers if found else []})


def create_subscriber(self: BudgetsResponse) -> str:
    """CreateSubscriber."""
    found = _notification(self)
    if found:
        found.subscribers.append(self._get_param("Subscriber"))
    return "{}"


def delete_subscriber(self: BudgetsResponse) -> str:
    """DeleteSubscriber."""
    found = _notification(self)
    if found:
        found.subscribers = [s for s in found.subscribers if s != self._get_param("Subscriber")]
    return "{}"


def update_notification(self: BudgetsResponse) -> str:
    """UpdateNotification."""
    for notification in _notifications(self):
        if notification.details == self._get_param("OldNotification"):
            notification.details = self._get_param("NewNotification")
    return "{}"


def update_budget(self: BudgetsResponse) -> str:
    """UpdateBudget."""
    new = self._get_param("NewBudget")
    self.backend.describe_budget(self._get_param("AccountId"), new["BudgetName"])  # raises NotFoundException
    self.backend.budgets[self._get_param("AccountId")][new["BudgetName"]].budget.update(new)
    return "{}"


def list_tags_for_resource(self: BudgetsResponse) -> str:
    """ListTagsForResource."""
    tags = _tags(self.backend).get(self._get_param("ResourceARN"), {})
    return json.dumps({"ResourceTags": [{"Key": k, "Value": v} for k, v in tags.items()]})


def tag_resource(self: BudgetsResponse) -> str:
    """TagResource."""
    tags = _tags(self.backend).setdefault(self._get_param("ResourceARN"), {})
    tags.update({t["Key"]: t["Value"] for t in self._get_param("ResourceTags")})
    return "{}"


def untag_resource(self: BudgetsResponse) -> str:
    """UntagResource."""
    for key in self._get_param("ResourceTagKeys"):
        _tags(self.backend).get(self._get_param("ResourceARN"), {}).pop(key, None)
    return "{}"


def _tags(backend: BudgetsBackend) -> dict[str, dict[str, str]]:
    tags: dict[str, dict[str, str]] = backend.__dict__.setdefault("resource_tags", {})
    return tags


def _notifications(self: BudgetsResponse) -> list[Any]:
    budget = self.backend.budgets[self._get_param("AccountId")].get(self._get_param("BudgetName"))
    return budget.notifications if budget else []


def _notification(self: BudgetsResponse) -> Any:
    return next((n for n in _notifications(self) if n.details == self._get_param("Notification")), None)
