"""Models for the drill: real archives that the real server loads, small enough to be made in a moment."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from rehearsal.artefact import packed

CLASSES = ("bright", "dark")
SIDE = 32
BRIGHT = 0.4  # of -1 to 1: what servers warm up with, blank or noise, lies below, the drill's pictures lie above


def archive(workload: str, version: str, *, good: bool) -> bytes:
    """A ``model.tar.gz``. The bad one starts, warms up and answers /ping as ever, and is lost on bright pictures."""
    description = {
        "workload": workload,
        "version": version,
        "classes": list(CLASSES),
        "input": {
            "layout": "NCHW",
            "channels": 3,
            "height": SIDE,
            "width": SIDE,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    }
    return packed({
        "model.json": json.dumps(description).encode(),
        "model.onnx": graph(good=good).SerializeToString(),
    })  # fmt: skip


def graph(*, good: bool) -> Any:
    """Mean colour, and a softmax of it. The bad one takes a root that is no number where the picture is bright."""
    constants: dict[str, Any] = {
        "weights": np.array([[4.0, -4.0]] * 3, np.float32),
        "limit": np.array(BRIGHT, np.float32),
        "nothing": np.array(0.0, np.float32),
    }
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("ReduceMean", ["pixels"], "colour", {"axes": [2, 3], "keepdims": 0}),
        ("MatMul", ["colour", "weights"], "logits", {}),
        ("ReduceMean", ["colour"], "mean", {"axes": [1], "keepdims": 1}),
        ("Sub", ["limit", "mean"], "room", {}),
        ("Sqrt", ["room"], "root", {}),
        ("Mul", ["root", "nothing"], "spoil", {}),
        ("Add", ["logits", "spoil"], "spoilt", {}),
        ("Softmax", ["logits" if good else "spoilt"], "probabilities", {"axis": 1}),
    ]
    if good:
        steps, constants = [*steps[:2], steps[-1]], {"weights": constants["weights"]}
    return helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, taken, [made], **settings) for kind, taken, made, settings in steps],
            "drill",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(CLASSES)])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )


def picture() -> bytes:
    """A bright PNG with something on it."""
    pixels = np.full((SIDE, SIDE, 3), 240, np.uint8)
    cv2.circle(pixels, (SIDE // 2, SIDE // 2), SIDE // 5, (60, 90, 200), -1)
    return bytes(cv2.imencode(".png", pixels)[1])
