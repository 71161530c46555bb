"""Images before they are staged: what is found, what is mended, and what training and the endpoint make of each."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import boto3
import cv2
import numpy as np
import pytest
from data_support import aws, tree
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from PIL import Image, ImageOps

from training.data import __main__ as command
from training.data.intake import headers
from training.data.intake.image import decode, look, mend
from training.errors import TrainingError
from training.learning.images import read_files
from training.serving import decoding
from training.serving.errors import RequestError
from training.workloads.dogs import photographs
from training.workloads.pneumonia import radiographs

ROUGH = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
PIXELS = cv2.resize(ROUGH, (64, 48), interpolation=cv2.INTER_CUBIC)
PHOTO = Image.fromarray(PIXELS)


def saved(form: str, image: Image.Image = PHOTO, **options) -> bytes:
    body = io.BytesIO()
    image.save(body, form, **options)
    return body.getvalue()


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[274] = orientation
    return found


def deep(factor: int) -> bytes:
    return cv2.imencode(".png", PIXELS.astype(np.uint16) * factor)[1].tobytes()


MOVING = [PHOTO.rotate(90)]
PNG, JPEG = saved("PNG"), saved("JPEG", quality=95)
BAD = {
    "empty.png": (b"", {"empty"}),
    "text.jpg": (b"<html>404</html>", {"no image"}),
    "cut.png": (PNG[: len(PNG) // 2], {"truncated"}),
    "cut.jpg": (JPEG[: len(JPEG) // 2], {"truncated"}),
    "cut.gif": (saved("GIF")[:40], {"corrupt"}),
    "header.png": (PNG[:20], {"truncated"}),
    "damaged.png": (PNG[:60] + bytes([PNG[60] ^ 255]) + PNG[61:], {"truncated"}),
    "cmyk.jpg": (saved("JPEG", PHOTO.convert("CMYK")), {"CMYK"}),
    "deep.png": (deep(257), {"16 bits"}),
    "twelve.png": (deep(16), {"16 bits"}),
    "moving.gif": (saved("GIF", save_all=True, append_images=MOVING), {"animated", "format"}),
    "moving.png": (saved("PNG", save_all=True, append_images=MOVING), {"animated"}),
    "moving.webp": (saved("WEBP", save_all=True, append_images=MOVING), {"animated", "format"}),
    "turned.jpg": (saved("JPEG", exif=exif(6)), {"turned"}),
    "turned.png": (saved("PNG", exif=exif(3)), {"turned"}),
    "still.webp": (saved("WEBP", lossless=True), {"format"}),
    "photo.bmp": (saved("BMP"), {"format"}),
    "photo.tif": (saved("TIFF"), {"format"}),
    "really_a.png": (JPEG, {"wrong name"}),
    "dot.png": (saved("PNG", PHOTO.crop((0, 0, 1, 1))), {"tiny"}),
    "strip.png": (saved("PNG", PHOTO.crop((0, 0, 60, 3))), {"tiny"}),
}
MENDED = {"cmyk.jpg", "deep.png", "turned.jpg", "turned.png", "still.webp", "photo.bmp", "photo.tif", "really_a.png"}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_found_and_nothing_else(name):
    body, kinds = BAD[name]
    found = look(name, body)
    assert {finding.kind for finding in found} == kinds
    assert all(finding.what and finding.remedy for finding in found)
    assert all(finding.mended for finding in found) == (name in MENDED)


@pytest.mark.parametrize(("name", "body"), [("a.png", PNG), ("a.jpg", JPEG), ("A.JPEG", JPEG)])
def test_nothing_is_wrong_with_a_good_image(name, body):
    assert look(name, body) == []
    assert look(name, saved("PNG", PHOTO.convert("L")) if name == "a.png" else body) == []


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"])
def test_huge_images_are_named_without_being_decoded(form, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    (found,) = look("x", saved(form), most_pixels=64 * 48 - 1)
    assert found.kind == "huge"
    assert "64x48 pixels" in found.what


@given(st.sampled_from([PNG, JPEG, *(saved(form) for form in ("GIF", "WEBP", "BMP", "TIFF"))]), st.data())
def test_no_bytes_break_the_look(body, draw):
    at = draw.draw(st.integers(0, min(len(body), 200) - 1))
    body = body[:at] + draw.draw(st.binary(max_size=8)) + body[at + draw.draw(st.integers(0, 8)) :]
    assert all(finding.kind for finding in look("x.png", body, most_pixels=100_000))


# --- orientation --------------------------------------------------------------------------------------


def served(body: bytes, width: int, height: int, channels: int = 3) -> np.ndarray:
    limits = {"max_image_bytes": 1 << 20, "max_image_pixels": 1 << 20}
    model = SimpleNamespace(width=width, height=height, channels=channels, **limits)
    return decoding.decode(model, body).pixels


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_training_and_the_endpoint_turn_an_image_alike_and_as_exif_says(tmp_path, form, orientation):
    body = saved(form, exif=exif(orientation), **({"quality": 95} if form == "JPEG" else {}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB"))
    height, width = upright.shape[:2]
    (tmp_path / "x").write_bytes(body)
    trained = read_files([tmp_path / "x"], height, width)[0][0].numpy().transpose(1, 2, 0)
    asked = served(body, width, height)
    assert np.array_equal(trained, asked[:, :, ::-1])
    assert np.array_equal(decode(body), asked)
    assert np.abs(trained.astype(int) - upright).mean() < 1.5
    assert headers.read(body).orientation == orientation
    assert np.abs(decode(mend(body)).astype(int) - asked).max() == 0


@pytest.mark.parametrize("reader", [radiographs, photographs])
def test_every_workloads_own_pictures_are_staged_as_the_endpoint_sees_them(reader):
    body = saved("JPEG", Image.fromarray(cv2.resize(PIXELS, (500, 400))), exif=exif(6), quality=95)
    asked = served(body, reader.SIDE, reader.SIDE, channels=1 if reader is radiographs else 3)
    staged = reader.decode("x.jpg", body)
    assert np.array_equal(staged, asked if asked.ndim == 2 else asked[:, :, ::-1])


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_image_that_the_endpoint_decodes_at_less_is_the_one_training_saw(tmp_path, orientation):
    wide = Image.fromarray(cv2.resize(PIXELS, (1600, 400), interpolation=cv2.INTER_CUBIC))
    body = saved("JPEG", wide, exif=exif(orientation), quality=95)
    (tmp_path / "x").write_bytes(body)
    width, height = (200, 50) if orientation == 1 else (50, 200)
    trained = read_files([tmp_path / "x"], height, width)[0][0].numpy().transpose(1, 2, 0)
    assert np.abs(trained.astype(int) - served(body, width, height)[:, :, ::-1]).mean() < 2


@pytest.mark.parametrize("name", sorted(BAD))
def test_training_stops_where_the_endpoint_refuses_and_sees_what_it_sees_else(tmp_path, name):
    body, _ = BAD[name]
    (tmp_path / name).write_bytes(body)
    try:
        asked = served(body, 64, 48)
    except RequestError:
        with pytest.raises(TrainingError, match="is no readable image") as caught:
            read_files([tmp_path / name], 48, 64)
        assert caught.value.value == str(tmp_path / name)
        return
    trained = read_files([tmp_path / name], 48, 64)[0][0].numpy().transpose(1, 2, 0)
    assert np.abs(trained.astype(int) - asked[:, :, ::-1]).mean() < (40 if name in {"dot.png", "strip.png"} else 1)


@pytest.mark.parametrize("name", sorted(MENDED))
def test_what_is_mended_is_the_same_picture_and_has_no_fault(name):
    body, _ = BAD[name]
    mended = mend(body)
    assert look("x.png", mended) == []
    wanted = (
        np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB"))
        if name != "deep.png"
        else PIXELS[:, :, ::-1]
    )
    assert np.abs(decode(mended)[:, :, ::-1].astype(int) - wanted).mean() < 2


# --- the command --------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path) -> Path:
    for number in range(8):
        path = tmp_path / "photos" / ("train", "test")[number % 2] / ("dog", "cat")[number // 4] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(saved("PNG", PHOTO.rotate(number)))
    return tmp_path / "photos"


def check(where: Path | str, *arguments: str) -> int:
    return command.main(["check", str(where), *arguments])


def test_a_good_folder_passes(photos, capsys):
    assert check(photos, "--classes", "dog,cat") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["images"] == 8
    assert said.err == "checking: 8/8 (100 %)\n"


def test_every_fault_is_a_line_and_the_good_ones_are_kept(photos, tmp_path, capsys):
    for name, (body, _) in BAD.items():
        (photos / "train" / "dog" / name).write_bytes(body)
    (photos / "train" / "dog" / "notes.txt").write_text("no image")
    (photos / "loose.png").write_bytes(saved("PNG", PHOTO.rotate(50)))
    (photos / "train" / "dog" / "leak.png").write_bytes((photos / "test" / "dog" / "1.png").read_bytes())
    (photos / "train" / "dog" / "other.png").write_bytes((photos / "train" / "cat" / "4.png").read_bytes())
    (photos / "train" / "dog" / "twice.png").write_bytes((photos / "train" / "dog" / "0.png").read_bytes())
    (photos / "train" / "doge").mkdir()
    (photos / "train" / "doge" / "z.png").write_bytes(saved("PNG", PHOTO.rotate(60)))
    fixed = tmp_path / "fixed"
    assert check(photos, "--classes", "dog,cat", "--fix", str(fixed)) == 1
    said = capsys.readouterr()
    for name in BAD:
        assert f"train/dog/{name}: " in said.err
    for line in (
        "loose.png: has no class in the folders. Label it, or remove it.",
        "train/doge/z.png: is of class 'doge', which is none of dog, cat. Correct it, or remove it.",
        "train/dog/twice.png: is the same file as train/dog/0.png; staging keeps one. Remove one of them.",
    ):
        assert line in said.err
    kinds = json.loads(said.out)["kinds"]
    for kind in ("leak", "two classes", "duplicate", "unlabelled", "mislabelled"):
        assert kinds[kind] == 1
    check(fixed, "--classes", "dog,cat")
    assert set(json.loads(capsys.readouterr().out)["kinds"]) == {"duplicate"}  # the same picture in other formats
    kept = {path.rpartition("/")[2].partition(".")[0] for path in tree(fixed)}
    assert {name.partition(".")[0] for name in MENDED} <= kept
    assert {"0", "2", "5", "7"} <= kept
    assert not {"empty", "cut", "text", "loose", "z", "twelve", "dot"} & kept


def test_labels_in_a_table_are_checked_and_kept(photos, tmp_path, capsys):
    rows = ["file,label,group,split", *(f"{path},dog,p1,train" for path in sorted(tree(photos))[:5])]
    (photos / "labels.csv").write_text("\n".join([*rows, "gone.png,dog,,", f"{sorted(tree(photos))[6]},,,"]))
    assert check(photos, "--classes", "dog,cat", "--fix", str(tmp_path / "fixed")) == 1
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert kinds["missing"] == 1
    assert kinds["unlabelled"] == 3
    assert (tmp_path / "fixed" / "labels.csv").read_text().splitlines() == [rows[0], *sorted(rows[1:])]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,kind\n", "needs the columns file and label"),
        ("", "needs the columns file and label"),
        ("file,label\na.png,dog\na.png,cat\n", "line 3, file = 'a.png': stands in the table twice"),
        ("file,label,split\na.png,dog,exam\n", "line 2, split = 'exam'"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(photos, capsys, text, says):
    (photos / "labels.csv").write_text(text)
    assert check(photos) == 2
    assert says in capsys.readouterr().err


def test_an_archive_cannot_write_outside_of_the_new_folder(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("dog/../../../escape.png", PNG)
    assert check(tmp_path / "evil.zip", "--fix", str(tmp_path / "a" / "fixed")) == 2
    assert "outside of the new folder" in capsys.readouterr().err
    assert not (tmp_path / "escape.png").exists()


def test_a_prefix_in_s3_is_checked_like_a_folder(photos, monkeypatch, capsys):
    aws(monkeypatch)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for path, body in tree(photos).items():
            client.put_object(Bucket="data", Key=f"pets/{path}", Body=body)
        client.put_object(Bucket="data", Key="pets/train/dog/cut.jpg", Body=JPEG[:100])
        assert check("s3://data/pets") == 1
    said = capsys.readouterr()
    assert "train/dog/cut.jpg: is a JPEG that breaks off" in said.err
    assert json.loads(said.out)["images"] == 9


def test_what_cannot_be_checked_is_named(tmp_path, photos, capsys):
    assert check(tmp_path / "nowhere") == 1
    (tmp_path / "empty").mkdir()
    assert check(tmp_path / "empty") == 1
    assert check(photos, "--fix", str(photos)) == 2
    said = capsys.readouterr().err
    assert "no such folder" in said
    assert "holds no images" in said
    assert "holds files" in said


def test_a_manifest_is_checked_too(tmp_path, capsys):
    (tmp_path / "x.manifest").write_text("{}\n")
    assert check(tmp_path / "x.manifest") == 2
    assert "x.manifest, line 1, source-ref = None" in capsys.readouterr().err
