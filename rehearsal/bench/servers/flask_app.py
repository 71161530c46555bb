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
    pictures = [models.decode(model, request.get_data())]
    ranked = models.render(model, models.infer(model, pictures), pictures)[0]
    return Response(b'{"predictions": %s}' % ranked, mimetype="application/json")
