"""The model: from image bytes to ranked classes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime

from training.serving.errors import ModelError, RequestError
from training.serving.headers import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.serving.settings import Settings

    Pixels = NDArray[np.uint8]

DEFAULT_IMAGE_BYTES = 5 * 1024 * 1024
DEFAULT_IMAGE_PIXELS = 16 * 1024 * 1024
"""Limits where neither the settings nor the model name any."""

_REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes
    ----------
    scale, shift
        Shape (3,), RGB: normalised value = pixel * scale + shift.
    """

    session: onnxruntime.InferenceSession
    name: str
    version: str
    classes: tuple[str, ...]
    height: int
    width: int
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    max_image_bytes: int
    max_image_pixels: int


def load(settings: Settings) -> Model:
    """Load the model of a folder and run it once at the smallest and the largest batch, so that no request pays for it.

    Raises
    ------
    ModelError
        A file is missing or wrong, or the two disagree.
    """
    cv2.setNumThreads(1)
    description = _description(settings.model / "model.json")
    file = settings.model / "model.onnx"
    if not file.is_file():
        raise ModelError(f"{file} is missing: unpack model.tar.gz there, or set SM_MODEL_DIR")
    options = onnxruntime.SessionOptions()
    # One thread per process: processes are what scales, and idle threads would spin.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Its errors reach us as exceptions; printed as well, they would break the log's lines of JSON.
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        model = _model(session, description, settings)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{settings.model}/model.json does not fit ({error!r}): train the model again") from None
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise ModelError(f"{file} cannot be loaded ({error}): train the model again") from None
    _warm_up(model, file, settings.batch)
    return model


def decode(model: Model, body: bytes) -> Pixels:
    """Pixels of an image at the model's size: shape (height, width, 3), BGR as OpenCV has it.

    Raises
    ------
    RequestError
        400 for something that is no whole PNG or JPEG, 413 for one above the limits.
    """
    if len(body) > model.max_image_bytes:
        remedy = f"an image may have {model.max_image_bytes} bytes; send a smaller one"
        raise RequestError(413, "image bytes", len(body), remedy)
    width, height, kind = size_of(body)
    if width * height > model.max_image_pixels or not width or not height:
        remedy = f"an image may have 1 to {model.max_image_pixels} pixels; reduce it"
        raise RequestError(413 if width and height else 400, "image size", f"{width}x{height}", remedy)
    image = cv2.imdecode(np.frombuffer(body, np.uint8), _flag(model, width, height, kind))
    if image is None:
        raise RequestError(400, "body", f"a {kind} of {width}x{height}", "cannot be decoded; send an undamaged file")
    if image.shape[:2] != (model.height, model.width):
        shrinks = image.shape[0] >= model.height and image.shape[1] >= model.width
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = cv2.resize(image, (model.width, model.height), interpolation=way)
    return image.astype(np.uint8, copy=False)


def infer(model: Model, images: Sequence[Pixels]) -> NDArray[np.float32]:
    """Probabilities of shape (images, classes)."""
    batch = np.empty((len(images), 3, model.height, model.width), np.float32)
    for position, image in enumerate(images):
        for channel in range(3):
            plane = batch[position, channel]
            np.multiply(image[:, :, 2 - channel], model.scale[channel], out=plane)
            plane += model.shift[channel]
    output = model.session.run([model.session.get_outputs()[0].name], {model.session.get_inputs()[0].name: batch})[0]
    return np.asarray(output, np.float32)


def rank(model: Model, probabilities: NDArray[np.float32]) -> list[dict[str, Any]]:
    """All classes of one image, the likeliest first."""
    order = np.argsort(-probabilities, kind="stable").tolist()
    values = probabilities.tolist()
    return [{"label": model.classes[k], "index": k, "probability": values[k]} for k in order]


def _warm_up(model: Model, file: Path, batch: int) -> None:
    blank = np.zeros((model.height, model.width, 3), np.uint8)
    wanted = len(model.classes)
    for count in (1, batch):
        try:
            shape = infer(model, [blank] * count).shape
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise ModelError(f"{file} cannot answer {count} images ({error}): train the model again") from None
        if shape != (count, wanted):
            raise ModelError(f"{file} answers {shape} for {count} images of {wanted} classes: train the model again")


def _flag(model: Model, width: int, height: int, kind: str) -> int:
    """Let the JPEG decoder itself reduce large images, which costs a fraction of decoding them whole."""
    if kind == "jpeg":
        for factor, flag in _REDUCED:
            if width >= factor * model.width and height >= factor * model.height:
                return flag
    return cv2.IMREAD_COLOR


def _description(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): unpack model.tar.gz there, or set SM_MODEL_DIR"
        ) from None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}): train the model again") from None
    if not isinstance(document, dict):
        raise ModelError(f"{path} holds no JSON object: train the model again")
    return document


def _model(session: onnxruntime.InferenceSession, description: dict[str, Any], settings: Settings) -> Model:
    wanted = description["input"]
    if wanted["layout"] != "NCHW" or wanted["channels"] != 3:
        raise ValueError("input must be NCHW with 3 channels")
    mean, std = (np.array(wanted[name], np.float32) for name in ("mean", "std"))
    if mean.shape != (3,) or std.shape != (3,) or (std <= 0).any():
        raise ValueError("mean and std need three numbers each, std above 0")
    limits = description.get("limits", {})
    return Model(
        session=session,
        name=str(description["workload"]),
        version=str(description["version"]),
        classes=tuple(description["classes"]),
        height=int(wanted["height"]),
        width=int(wanted["width"]),
        scale=(1 / (255 * std)).astype(np.float32),
        shift=(-mean / std).astype(np.float32),
        max_image_bytes=settings.max_image_bytes or int(limits.get("max_image_bytes", DEFAULT_IMAGE_BYTES)),
        max_image_pixels=settings.max_image_pixels or int(limits.get("max_image_pixels", DEFAULT_IMAGE_PIXELS)),
    )
