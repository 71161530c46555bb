"""The model: from image bytes to ranked classes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime

from training.serving.decoding import decode
from training.serving.errors import ModelError, RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.serving.decoding import Pixels
    from training.serving.metrics import Row
    from training.serving.settings import Settings

DEFAULT_IMAGE_BYTES = 5 * 1024 * 1024
DEFAULT_IMAGE_PIXELS = 16 * 1024 * 1024
"""Limits where neither the settings nor the model name any."""


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes
    ----------
    scale, shift
        Shape (3, 1, 1), RGB: normalised value = pixel * scale + shift.
    entries
        Per class, the beginning of its entry in an answer, up to its probability.
    """

    session: onnxruntime.InferenceSession
    name: str
    version: str
    classes: tuple[str, ...]
    entries: tuple[str, ...]
    height: int
    width: int
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    max_image_bytes: int
    max_image_pixels: int
    input: str
    output: str


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
    try:
        session = onnxruntime.InferenceSession(file, session_options(), providers=["CPUExecutionProvider"])
        model = _model(session, description, settings)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{settings.model}/model.json does not fit ({error!r}): train the model again") from None
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise ModelError(f"{file} cannot be loaded ({error}): train the model again") from None
    _warm_up(model, file, settings.batch)
    return model


def session_options() -> onnxruntime.SessionOptions:
    """How onnxruntime runs a model here, in 32-bit floats or quantised."""
    options = onnxruntime.SessionOptions()
    # One thread per process: processes are what scales. Should a model bring threads all the same, they must not spin.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # All of them: among the extended ones are those that turn pairs of quantise and dequantise into integer kernels.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Its errors reach us as exceptions; printed as well, they would break the log's lines of JSON.
    options.log_severity_level = 4
    return options


def infer(model: Model, images: Sequence[Pixels]) -> NDArray[np.float32]:
    """Probabilities of shape (images, classes).

    Raises
    ------
    ModelError
        They are of another shape.
    """
    batch = np.empty((len(images), 3, model.height, model.width), np.float32)
    planes = np.empty((3, model.height, model.width), np.uint8)
    blue_green_red = [planes[2], planes[1], planes[0]]
    for position, image in enumerate(images):
        # Planes first: multiplying them is several times as fast as multiplying interleaved pixels.
        cv2.split(image, blue_green_red)
        np.multiply(planes, model.scale, out=batch[position])
    batch += model.shift
    output = np.asarray(model.session.run([model.output], {model.input: batch})[0], np.float32)
    if output.shape != (len(images), len(model.classes)):
        wanted = f"{len(model.classes)} classes"
        raise ModelError(f"the model answers {output.shape} for {len(images)} images of {wanted}: train it again")
    return output


def rank(model: Model, probabilities: NDArray[np.float32]) -> bytes:
    """All classes of one image as a JSON list, the likeliest first."""
    order = (-probabilities).argsort(kind="stable").tolist()
    values = probabilities.tolist()
    return f"[{', '.join([f'{model.entries[k]}{values[k]!r}}}' for k in order])}]".encode()


def answer(model: Model, bodies: Sequence[bytes], row: Row) -> list[bytes | RequestError]:
    """One ranked list or one error per image; a bad image spoils only its own."""
    results: list[Any] = [_decoded(model, body, row) for body in bodies]
    good = [k for k, result in enumerate(results) if not isinstance(result, RequestError)]
    if not good:
        return results
    began = time.perf_counter()
    output = infer(model, [results[k] for k in good])
    row.model.add(time.perf_counter() - began)
    row.batch.add(len(good))
    # NaN and infinity are no JSON; an answer that holds one is no prediction either.
    finite = np.asarray(np.isfinite(output).all(axis=1))
    for k, probabilities, usable in zip(good, output, finite, strict=True):
        remedy = "the model's output is not finite for this image; report it, or go back to the last good model"
        results[k] = rank(model, probabilities) if usable else RequestError(500, "model", "not finite", remedy)
    return results


def _decoded(model: Model, body: bytes, row: Row) -> Pixels | RequestError:
    began = time.perf_counter()
    try:
        return decode(model, body)
    except RequestError as error:
        return error
    except Exception as error:  # OpenCV raises its own kinds on bytes it cannot stomach
        return RequestError(400, "body", type(error).__name__, "cannot be decoded; send an undamaged file")
    finally:
        row.decode.add(time.perf_counter() - began)


def _warm_up(model: Model, file: Path, batch: int) -> None:
    blank = np.zeros((model.height, model.width, 3), np.uint8)
    for count in (1, batch):
        try:
            infer(model, [blank] * count)
        except ModelError as error:
            raise ModelError(f"{file}: {error}") from None
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise ModelError(f"{file} cannot answer {count} images ({error}): train the model again") from None


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
    classes = tuple(description["classes"])
    return Model(
        session=session,
        name=str(description["workload"]),
        version=str(description["version"]),
        classes=classes,
        entries=tuple(
            f'{{"label": {json.dumps(label)}, "index": {k}, "probability": ' for k, label in enumerate(classes)
        ),
        height=int(wanted["height"]),
        width=int(wanted["width"]),
        scale=(1 / (255 * std)).astype(np.float32).reshape(3, 1, 1),
        shift=(-mean / std).astype(np.float32).reshape(3, 1, 1),
        max_image_bytes=settings.max_image_bytes or int(limits.get("max_image_bytes", DEFAULT_IMAGE_BYTES)),
        max_image_pixels=settings.max_image_pixels or int(limits.get("max_image_pixels", DEFAULT_IMAGE_PIXELS)),
        input=session.get_inputs()[0].name,
        output=session.get_outputs()[0].name,
    )
