"""Our model behind Flask, for gunicorn."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response, request

from training.serving import model as models
from training.serving.settings import Settings

model = models.load(Settings(model=Path(os.environ["SM_MODEL_DIR"])))
app = Flask(__name__)


@app.post("/invocations")
def invocations() -> Response:
    pixels = models.decode(model, request.get_data())
    ranked = models.rank(model, models.infer(model, [pixels])[0])
    return Response(b'{"predictions": %s}' % ranked, mimetype="application/json")
