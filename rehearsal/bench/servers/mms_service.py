"""Our model behind multi-model-server, which calls ``handle`` in a worker process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from training.serving import model as models
from training.serving.settings import Settings

model = models.load(Settings(model=Path(os.environ["SM_MODEL_DIR"])))


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[bytes] | None:
    if not data:  # asked once, while it loads
        return None
    context.set_response_content_type(0, "application/json")
    pictures = [models.decode(model, bytes(data[0]["body"]))]
    return [b'{"predictions": %s}' % models.render(model, models.infer(model, pictures), pictures)[0]]
