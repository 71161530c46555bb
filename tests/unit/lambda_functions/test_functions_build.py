"""The committed zips: fresh, reproducible, lean, and complete enough to run by themselves."""

from __future__ import annotations

import io
import json
import zipfile

import jsonschema
import pytest
import yaml

from functions import build
from tests.unit import functions_support as support

NAMES = build.names()
each_function = pytest.mark.parametrize("name", NAMES)


def test_every_function_is_there():
    assert NAMES == [
        "assess_claim",
        "classify_image",
        "classify_upload",
        "collect_results",
        "filter_predictions",
        "record_assessment",
        "serialize_image",
    ]


def test_committed_zips_are_fresh():
    assert build.stale() == [], "run python -m functions.build and commit functions/dist"


@each_function
def test_two_builds_are_byte_identical(name):
    assert build.pack(name) == build.pack(name)


@each_function
def test_a_zip_is_stored_dated_and_readable_for_lambda(name):
    with zipfile.ZipFile(io.BytesIO(build.pack(name))) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    for entry in entries:
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == build.EPOCH
        assert entry.external_attr >> 16 == 0o100644
    assert {entry.filename for entry in entries if "/" not in entry.filename} == {"handler.py"}


@each_function
def test_function_yaml_follows_its_schema_and_names_what_the_handler_reads(name):
    schema = json.loads((support.FUNCTIONS / "function.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    spec = yaml.safe_load((support.FUNCTIONS / name / "function.yaml").read_text())
    jsonschema.validate(spec, schema)
    assert spec["name"] == name
    code = "".join(content.decode() for content in build.members(name).values())
    for variable, declared in spec["environment"].items():
        assert f'"{variable}"' in code, f"{name} never reads {variable}"
        if "default" in declared:
            assert f'"{variable}", "{declared["default"]}"' in code, f"the default of {variable} is another in the code"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A copy of the layout with one function, to break."""
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "__init__.py").write_text("")
    (tmp_path / "common" / "a.py").write_text("from .b import x\n")
    (tmp_path / "common" / "b.py").write_text("import json\nx = 1\n")
    (tmp_path / "common" / "unused.py").write_text("")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "function.yaml").write_text("name: one\n")
    (tmp_path / "one" / "handler.py").write_text(
        "from common.a import x\n\ndef handle(event, context):\n    return x\n"
    )
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    return tmp_path


def test_only_needed_modules_of_common_are_packed(elsewhere):
    assert list(build.members("one")) == ["common/__init__.py", "common/a.py", "common/b.py", "handler.py"]


def test_check_finds_what_is_stale_and_writes_nothing(elsewhere, capsys):
    assert build.main(["--check"]) == 1
    assert "functions/dist/one.zip is stale" in capsys.readouterr().err
    assert not (elsewhere / "dist").exists()
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0
    (elsewhere / "common" / "b.py").write_text("x = 2\n")
    assert build.main(["--check"]) == 1


def test_the_zip_of_a_function_that_is_gone_is_removed(elsewhere, capsys):
    (elsewhere / "dist").mkdir()
    (elsewhere / "dist" / "gone.zip").write_bytes(b"")
    assert build.main([]) == 0
    assert not (elsewhere / "dist" / "gone.zip").exists()
    assert "removed functions/dist/gone.zip" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("handler", "says"),
    [(None, "handler.py is missing"), ("from common import nothing\n", "common/nothing.py is missing"), ("def (", "")],
)
def test_a_function_that_cannot_be_packed_is_named(elsewhere, capsys, handler, says):
    path = elsewhere / "one" / "handler.py"
    path.unlink() if handler is None else path.write_text(handler)
    assert build.main([]) == 2
    assert says in capsys.readouterr().err


def test_an_interrupted_build_leaves_the_old_zip(elsewhere, monkeypatch, capsys):
    assert build.main([]) == 0
    before = (build.DIST / "one.zip").read_bytes()
    (elsewhere / "one" / "handler.py").write_text("def handle(event, context):\n    return 2\n")

    def interrupted(path, content):
        with path.open("wb") as file:
            file.write(content[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(type(elsewhere), "write_bytes", interrupted)
    assert build.main([]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert [path.name for path in build.DIST.iterdir()] == ["one.zip"]
    assert (build.DIST / "one.zip").read_bytes() == before
