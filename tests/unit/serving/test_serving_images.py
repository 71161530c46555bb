"""The Dockerfiles, read without Docker: what the images hold, who runs in them, and which command."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from rehearsal.aws.sagemaker import images

ROOT = Path(__file__).parents[3]
FILES = {"serving": ROOT / "training" / "serving.Dockerfile", "training": ROOT / "training" / "Dockerfile"}


def instructions(text: str) -> list[tuple[str, str]]:
    """Keyword and argument of each instruction, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (keyword.upper(), argument.strip()) for keyword, _, argument in (x.partition(" ") for x in joined.split("\n"))
    ]


def faults(text: str) -> list[str]:
    """What a reviewer would object to."""
    steps = instructions(text)
    of = {keyword: [argument for found, argument in steps if found == keyword] for keyword, _ in steps}
    found = []
    if not re.fullmatch(r"[\w./:-]+@\$\{BASE_DIGEST\}", of["FROM"][0]) or len(of["FROM"]) != 1:
        found.append("base is not pinned by its digest")
    if of.get("ARG", [""])[0] != "BASE_DIGEST" or steps[0] != ("ARG", "BASE_DIGEST"):
        found.append("the digest is not a required argument")
    if ":latest" in text:
        found.append("latest")
    users = of.get("USER", ["root"])
    if users[-1].split(":")[0] in {"root", "0"} or [k for k, _ in steps].index("USER") < max(
        place for place, (keyword, _) in enumerate(steps) if keyword in {"RUN", "COPY"}
    ):
        found.append("runs as root, or a step after USER writes")
    for argument in of.get("RUN", []):
        found += [
            f"unhashed: {part}"
            for part in re.findall(r"pip install[^&;|]*", argument)
            if "torch" not in part and "--require-hashes" not in part
        ]
        if re.search(r"\b(curl|wget)\b", argument) or "| sh" in argument or "| bash" in argument:
            found.append("downloads outside the package index")
    if "ADD" in of:
        found.append("ADD fetches and unpacks")
    for argument in of.get("COPY", []):
        sources = shlex.split(argument)[:-1]
        found += [f"copies {source}, which is not there" for source in sources if not (ROOT / source).exists()]
    if not of.get("ENTRYPOINT", [""])[-1].startswith("["):
        found.append("the entry point is a shell's child and gets no signals")
    return found


@pytest.mark.parametrize("name", FILES)
def test_an_image_holds_what_was_reviewed_and_runs_without_root(name):
    assert faults(FILES[name].read_text()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@${BASE_DIGEST}", ""),
        ("@${BASE_DIGEST}", ":latest"),
        ("ARG BASE_DIGEST", "ARG BASE_DIGEST=sha256:0"),
        ("USER 1000\n", ""),
        ("USER 1000", "USER root"),
        ("USER 1000", "USER 1000\nRUN touch /x"),
        ("--require-hashes ", ""),
        ("COPY training/serving ", "COPY training/servings "),
        ("RUN python", "RUN curl https://example.com/x | bash && python"),
        ('ENTRYPOINT ["python", "-m", "training.serving"]', "ENTRYPOINT python -m training.serving"),
    ],
)
def test_the_reviewer_would_notice(old, new):
    text = FILES["serving"].read_text()
    assert old in text
    broken = text.replace(old, new)
    if "USER" in old and not new:
        broken += "USER 0\n"
    assert faults(broken)


def test_the_serving_image_runs_what_the_rehearsal_runs():
    steps = instructions(FILES["serving"].read_text())
    entry = json.loads(steps[-1][1])
    assert steps[-1][0] == "ENTRYPOINT"
    assert ("python", *images.KNOWN["serving"].command[1:]) == tuple(entry)
    assert images.KNOWN["serving"].command[0] == sys.executable
    assert ("LABEL", "com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true") in steps
    assert ("EXPOSE", "8080") in steps


def test_the_serving_image_holds_all_that_the_server_imports():
    """Modules of ours that the server loads lie in the folders that are copied; packages are in its requirements."""
    copied = [shlex.split(a)[0] for k, a in instructions(FILES["serving"].read_text()) if k == "COPY"]
    ours, theirs = set(), set()
    for path in (ROOT / "training" / "serving").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                (ours if name.startswith("training") else theirs).add(name)
    assert all(name.startswith("training.serving") for name in ours)
    assert {"training/__init__.py", "training/serving", "requirements/serving.txt"} == set(copied)
    wanted = {"cv2": "opencv-python-headless"}
    required = (ROOT / "requirements" / "serving.txt").read_text()
    for name in {name.split(".")[0] for name in theirs} - set(sys.stdlib_module_names):
        assert re.search(rf"^{wanted.get(name, name)}==", required, re.MULTILINE), name
