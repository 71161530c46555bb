"""A model whose answers are known: it names the colour an image is. Made in a moment, served by the real server."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
from onnx import TensorProto, helper

from rehearsal.artefact import packed

CLASSES = ("red", "green", "blue")
SIZE = 32


def archive(*, name: str = "colours", version: str = "1", passes: int = 0) -> bytes:
    """Return a model.tar.gz.

    Parameters
    ----------
    passes
        Convolutions over the image that change nothing but the time: each takes about a millisecond.
    """
    description = {
        "workload": name,
        "version": version,
        "classes": list(CLASSES),
        "input": {"height": SIZE, "width": SIZE, "channels": 3, "mean": [0.5] * 3, "std": [0.25] * 3, "layout": "NCHW"},
        "metrics": {},
        "source": "synthetic",
        "limits": {"max_image_bytes": 100_000, "max_image_pixels": 1_000_000},
    }
    return packed({
        "model.json": json.dumps(description).encode(),
        "model.onnx": _graph(passes).SerializeToString(),
    })  # fmt: skip


def picture(colour: str, suffix: str = ".png", size: int = SIZE) -> bytes:
    """Return an image of one colour, as PNG or JPEG."""
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[:, :, 2 - CLASSES.index(colour)] = 220
    return bytes(cv2.imencode(suffix, pixels)[1].tobytes())


def _graph(passes: int) -> Any:
    """Softmax of the mean of each channel: the brightest channel wins."""
    nodes, constants, last = [], [], "images"
    if passes:
        width = 64
        widen, same, narrow = (
            np.zeros(shape, np.float32) for shape in ((width, 3, 1, 1), (width, width, 3, 3), (3, width, 1, 1))
        )
        for channel in range(3):
            widen[channel, channel] = narrow[channel, channel] = 1.0
        for channel in range(width):
            same[channel, channel, 1, 1] = 1.0
        for label, weights in (("widen", widen), ("same", same), ("narrow", narrow)):
            constants.append(helper.make_tensor(label, TensorProto.FLOAT, weights.shape, weights.ravel()))
        for number, label in enumerate(["widen", *["same"] * passes, "narrow"]):
            pads = [1] * 4 if label == "same" else [0] * 4
            nodes.append(helper.make_node("Conv", [last, label], [f"pass{number}"], pads=pads))
            last = f"pass{number}"
    nodes += [
        helper.make_node("ReduceMean", [last], ["scores"], axes=[2, 3], keepdims=0),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])]
    graph = helper.make_graph(nodes, "colours", [images], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
