"""The model: from image bytes to answers; what an answer says is the business of its task."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnxruntime

from training.serving import classification, detection
from training.serving.decoding import Picture, decode
from training.serving.errors import ModelError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.serving.metrics import Row
    from training.serving.settings import Settings
    from training.serving.task import Answer, Task

DEFAULT_IMAGE_BYTES = 5 * 1024 * 1024
DEFAULT_IMAGE_PIXELS = 16 * 1024 * 1024
"""Limits where neither the settings nor the model name any."""

TASKS: dict[str, Callable[[dict[str, Any], Sequence[str]], Task]] = {
    "classification": classification.load,
    "detection": detection.load,
}


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model.

    Attributes
    ----------
    channels
        3 for RGB, 1 for grey.
    scale, shift
        Shape (channels, 1, 1): normalised value = pixel * scale + shift.
    task
        What is asked of the model, and how its outputs become an answer.
    """

    session: onnxruntime.InferenceSession
    name: str
    version: str
    classes: tuple[str, ...]
    task: Task
    channels: int
    height: int
    width: int
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    max_image_bytes: int
    max_image_pixels: int
    input: str


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


def infer(model: Model, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
    """The outputs that the model's task asks for.

    Raises
    ------
    ModelError
        They are of another shape than the task needs.
    """
    batch = np.empty((len(pictures), model.channels, model.height, model.width), np.float32)
    if model.channels == 1:
        for position, picture in enumerate(pictures):
            np.multiply(picture.pixels, model.scale, out=batch[position])
    else:
        planes = np.empty((3, model.height, model.width), np.uint8)
        blue_green_red = [planes[2], planes[1], planes[0]]
        for position, picture in enumerate(pictures):
            # Planes first: multiplying them is several times as fast as multiplying interleaved pixels.
            cv2.split(picture.pixels, blue_green_red)
            np.multiply(planes, model.scale, out=batch[position])
    batch += model.shift
    outputs = [np.asarray(each, np.float32) for each in model.session.run(model.task.outputs, {model.input: batch})]
    model.task.check(outputs, len(pictures))
    return outputs


def render(model: Model, outputs: Sequence[NDArray[np.float32]], pictures: Sequence[Picture]) -> list[Answer]:
    """One answer per image, from the outputs for all of them."""
    return model.task.answers(outputs, [(picture.width, picture.height) for picture in pictures])


def answer(model: Model, bodies: Sequence[bytes], row: Row) -> list[Answer]:
    """One answer or one error per image; a bad image spoils only its own."""
    results: list[Any] = [_decoded(model, body, row) for body in bodies]
    good = [k for k, result in enumerate(results) if not isinstance(result, RequestError)]
    if not good:
        return results
    pictures = [results[k] for k in good]
    began = time.perf_counter()
    outputs = infer(model, pictures)
    row.model.add(time.perf_counter() - began)
    row.batch.add(len(good))
    for k, result in zip(good, render(model, outputs, pictures), strict=True):
        results[k] = result
    return results


def _decoded(model: Model, body: bytes, row: Row) -> Picture | RequestError:
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
    shape = (model.height, model.width) if model.channels == 1 else (model.height, model.width, 3)
    blank = Picture(np.zeros(shape, np.uint8), model.width, model.height)
    for count in (1, batch):
        try:
            render(model, infer(model, [blank] * count), [blank] * count)
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
    channels = wanted["channels"]
    if wanted["layout"] != "NCHW" or channels not in {1, 3}:
        raise ValueError("input must be NCHW with 1 or 3 channels")
    mean, std = (np.array(wanted[name], np.float32) for name in ("mean", "std"))
    if mean.shape != (channels,) or std.shape != (channels,) or (std <= 0).any():
        raise ValueError("mean and std need a number for each channel, std above 0")
    task = description.get("task", "classification")
    if task not in TASKS:
        raise ValueError(f"task {task!r} must be one of {', '.join(TASKS)}")
    limits = description.get("limits", {})
    classes = tuple(description["classes"])
    return Model(
        session=session,
        name=str(description["workload"]),
        version=str(description["version"]),
        classes=classes,
        task=TASKS[task](description, [output.name for output in session.get_outputs()]),
        channels=channels,
        height=int(wanted["height"]),
        width=int(wanted["width"]),
        scale=(1 / (255 * std)).astype(np.float32).reshape(-1, 1, 1),
        shift=(-mean / std).astype(np.float32).reshape(-1, 1, 1),
        max_image_bytes=settings.max_image_bytes or int(limits.get("max_image_bytes", DEFAULT_IMAGE_BYTES)),
        max_image_pixels=settings.max_image_pixels or int(limits.get("max_image_pixels", DEFAULT_IMAGE_PIXELS)),
        input=session.get_inputs()[0].name,
    )
