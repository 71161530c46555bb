"""What can be set from outside: the container contract's own variables, and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.serving.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one server process.

    Attributes
    ----------
    host, port
        Where to listen; port 0 takes a free one and prints it.
    model
        Folder with model.onnx and model.json.
    max_body_bytes
        Largest request body; SageMaker itself allows 25 MB.
    max_image_bytes, max_image_pixels
        Largest image; None leaves it to the model's own `limits`.
    max_instances
        Most images in one JSON request.
    queue
        Most images waiting; beyond it requests get 503.
    batch
        Most images per run of the model.
    patience_s
        Seconds a client may take to send a body; SageMaker itself gives a request 60.
    drain_s
        Seconds a stopping server waits for requests in flight.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    model: Path = Path("/opt/ml/model")
    max_body_bytes: int = 25 * 1024 * 1024
    max_image_bytes: int | None = None
    max_image_pixels: int | None = None
    max_instances: int = 64
    queue: int = 256
    batch: int = 8
    patience_s: int = 30
    drain_s: int = 20


_VARIABLES = {
    "port": ("SAGEMAKER_BIND_TO_PORT", 0, 65535),
    "max_body_bytes": ("SERVING_MAX_BODY_BYTES", 1, 1 << 30),
    "max_image_bytes": ("SERVING_MAX_IMAGE_BYTES", 1, 1 << 30),
    "max_image_pixels": ("SERVING_MAX_IMAGE_PIXELS", 1, 1 << 30),
    "max_instances": ("SERVING_MAX_INSTANCES", 1, 10_000),
    "queue": ("SERVING_QUEUE", 1, 100_000),
    "batch": ("SERVING_BATCH", 1, 256),
    "patience_s": ("SERVING_PATIENCE_S", 1, 3600),
    "drain_s": ("SERVING_DRAIN_S", 0, 3600),
}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables; what is not set keeps its default.

    Raises
    ------
    ModelError
        A variable holds no whole number, or one out of range.
    """
    found: dict[str, int] = {}
    for name, (variable, low, high) in _VARIABLES.items():
        text = environment.get(variable, "")
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ModelError(f"{variable} = {text!r}: must be a whole number between {low} and {high}")
        found[name] = int(text)
    # Loopback unless told otherwise: the image's Dockerfile opens it, a laptop never does.
    defaults = Settings(**found)  # type: ignore[arg-type]
    host = environment.get("SERVING_HOST") or defaults.host
    model = Path(environment.get("SM_MODEL_DIR") or defaults.model)
    return replace(defaults, host=host, model=model)
