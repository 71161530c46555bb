"""What can be set from outside: the container contract's own variables, and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from training.serving import cores
from training.serving.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Variable(NamedTuple):
    """A whole number that can be set: its name outside, its range."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one server.

    Attributes
    ----------
    host, port
        Where to listen; port 0 takes a free one and prints it.
    model
        Folder with model.onnx and model.json.
    workers
        Processes, each with a model of its own.
    max_body_bytes
        Largest request body; SageMaker itself allows 25 MB.
    max_held_bytes
        Most bytes of bodies that one process holds at a time; beyond it requests get 503.
    max_image_bytes, max_image_pixels
        Largest image; None leaves it to the model's own `limits`.
    max_instances
        Most images in one JSON request.
    queue
        Most images waiting in one process; beyond it requests get 503.
    batch
        Most images per run of the model.
    timeout_s
        Seconds from a request's first byte until it is given up with 504; SageMaker itself waits for 60.
    patience_s
        Seconds a client may take to send a request.
    drain_s
        Seconds a stopping server waits for requests in flight; SageMaker kills it after 30.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    model: Path = Path("/opt/ml/model")
    workers: int = 1
    max_body_bytes: int = 25 * 1024 * 1024
    max_held_bytes: int = 256 * 1024 * 1024
    max_image_bytes: int | None = None
    max_image_pixels: int | None = None
    max_instances: int = 64
    queue: int = 256
    batch: int = 8
    timeout_s: int = 55
    patience_s: int = 30
    drain_s: int = 20


NUMBERS = {
    "port": Variable("SAGEMAKER_BIND_TO_PORT", 0, 65535),
    "workers": Variable("SERVING_WORKERS", 1, 1024),
    "max_body_bytes": Variable("SERVING_MAX_BODY_BYTES", 1, 1 << 30),
    "max_held_bytes": Variable("SERVING_MAX_HELD_BYTES", 1, 1 << 36),
    "max_image_bytes": Variable("SERVING_MAX_IMAGE_BYTES", 1, 1 << 30),
    "max_image_pixels": Variable("SERVING_MAX_IMAGE_PIXELS", 1, 1 << 30),
    "max_instances": Variable("SERVING_MAX_INSTANCES", 1, 10_000),
    "queue": Variable("SERVING_QUEUE", 1, 100_000),
    "batch": Variable("SERVING_BATCH", 1, 256),
    "timeout_s": Variable("SERVING_TIMEOUT_S", 1, 3600),
    "patience_s": Variable("SERVING_PATIENCE_S", 1, 3600),
    "drain_s": Variable("SERVING_DRAIN_S", 0, 3600),
}
TEXTS = {"host": "SERVING_HOST", "model": "SM_MODEL_DIR"}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables; what is not set keeps its default.

    Raises
    ------
    ModelError
        A variable holds no whole number, or one out of range; or two contradict each other.
    """
    found: dict[str, int] = {}
    for field, (name, low, high) in NUMBERS.items():
        text = environment.get(name, "")
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ModelError(f"{name} = {text!r}: must be a whole number between {low} and {high}")
        found[field] = int(text)
    found.setdefault("workers", cores.usable())
    # Loopback unless told otherwise: the image's Dockerfile opens it, a laptop never does.
    defaults = Settings(**found)  # type: ignore[arg-type]
    if defaults.max_held_bytes < defaults.max_body_bytes:
        raise ModelError(
            f"SERVING_MAX_HELD_BYTES = {defaults.max_held_bytes}: must be at least SERVING_MAX_BODY_BYTES "
            f"({defaults.max_body_bytes}), or no such request could ever be taken"
        )
    host = environment.get(TEXTS["host"]) or defaults.host
    model = Path(environment.get(TEXTS["model"]) or defaults.model)
    return replace(defaults, host=host, model=model)
