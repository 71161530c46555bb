"""SageMaker: jobs, endpoints and InvokeEndpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.context import Context


def install(context: Context) -> None:
    """Change moto's SageMaker."""


def fast_path(app: Any, context: Context) -> Any:
    """Answer InvokeEndpoint without Flask."""
    return app
