"""A repeated call to deregister a scalable target is answered as AWS does, so that a retry never fails a destroy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_target_that_is_gone_is_not_found(client: Callable[[str], Any], name: str) -> None:
    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    scaling.deregister_scalable_target(**target)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match=name):
        scaling.deregister_scalable_target(**target)
