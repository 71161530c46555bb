"""The detector's network, its targets, its loss, disturbed examples, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.detection_support import SIDE, rectangles, write_channel
from training.data import boxes as annotations
from training.errors import TrainingError
from training.learning import fitting, images, networks
from training.learning.detection import network, precision, scenes, way
from training.learning.detection.export import Served, find
from training.serving.detection import Detection

torch.set_num_threads(1)

PLACES = network.places(SIDE, SIDE)
WAY = way.Detecting(height=SIDE, width=SIDE)
PLAN = fitting.Plan(
    epochs=2, batch_size=8, learning_rate=0.004, weight_decay=0.0, label_smoothing=0.0, augment=True, patience=9, seed=3
)
TASK = Detection(("",), score_floor=0.05, nms_iou=0.5, max_boxes=10)


def detector(seed: int = 0, classes: int = 1) -> network.Detector:
    torch.manual_seed(seed)
    return network.build("light", classes, (SIDE, SIDE))


_LARGE = (0, 8, 8, 46, 46)


def labels(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor([rows], dtype=torch.float32)


# --- network ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width", "count"), [(64, 64, 64 + 16 + 4), (96, 128, 192 + 48 + 12)])
def test_places_cover_the_image_at_three_steps(height, width, count):
    where = network.places(height, width)
    assert len(where.centres) == len(where.steps) == count
    assert where.centres[0].tolist() == [4, 4]
    assert where.centres[1].tolist() == [12, 4], "columns run first, as in the flattened maps"
    assert where.centres[-1].tolist() == [width - 16, height - 16]


def test_outputs_stand_in_the_order_of_the_places():
    """What is bright in one corner excites the places of that corner, whatever the weights."""
    net = detector().eval()
    dark = torch.zeros(1, 3, SIDE, SIDE)
    spot = dark.clone()
    spot[..., 40:48, 8:16] = 50
    with torch.inference_mode():
        change = (net(spot) - net(dark)).abs().sum(-1)[0, :64]
    assert PLACES.centres[change.argmax()].tolist() == pytest.approx([12, 44], abs=16.1)
    assert net(dark).shape == (1, 84, 5)


def test_boxes_follow_from_distances():
    outputs = torch.zeros(1, len(PLACES.steps), 5)
    outputs[0, 0, 1:] = torch.log(torch.tensor([0.25, 0.5, 1.0, 2.0]))
    boxes = network.boxes_of(outputs, PLACES)
    assert boxes[0, 0].tolist() == pytest.approx([4 - 2, 4 - 4, 4 + 8, 4 + 16])
    assert boxes[0, 64].tolist() == pytest.approx([8 - 16, 8 - 16, 8 + 16, 8 + 16]), "steps of 16"
    wild = network.boxes_of(torch.full((1, len(PLACES.steps), 5), 1e9), PLACES)
    assert torch.isfinite(wild).all()


def test_a_resnet_takes_torchvisions_weights_and_keeps_them_when_frozen(tmp_path):
    torch.manual_seed(1)
    given = networks.build("resnet18", 1000)
    torch.save(given.state_dict(), tmp_path / "resnet18.pth")
    net = network.build("resnet18", 1, (64, 64), tmp_path / "resnet18.pth")
    own = dict(net.backbone.named_parameters())
    assert torch.equal(own["network.layer3.1.conv2.weight"], given.state_dict()["layer3.1.conv2.weight"])
    network.freeze_backbone(net)
    assert not any(parameter.requires_grad for parameter in net.backbone.parameters())
    assert all(p.requires_grad for name, p in net.named_parameters() if not name.startswith("backbone"))
    assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 84, 5)


@pytest.mark.parametrize(
    ("architecture", "size", "weights", "says"),
    [
        ("yolo", (64, 64), None, "choose one of light"),
        ("light", (64, 70), None, "multiples of 32"),
        ("light", (64, 64), "resnet18.pth", "choose a ResNet"),
        ("resnet18", (64, 64), "missing.pth", "there is no such file"),
    ],
)
def test_a_detector_that_cannot_be_built_is_explained(tmp_path, architecture, size, weights, says):
    path = None if weights is None else tmp_path / weights
    with pytest.raises(TrainingError, match=says):
        network.build(architecture, 1, size, path)


# --- targets and loss ---------------------------------------------------------------------------


def test_places_near_the_middle_of_a_box_answer_for_it():
    owner = way.assign(labels((0, 8, 8, 40, 40)), PLACES)[0]
    places = PLACES.centres[owner == 0]
    assert len(places) == 4, "the box's middle lies between four places of the finest map"
    assert (places - 24).abs().max() < way.REACH * 8
    assert set(PLACES.steps[owner == 0].tolist()) == {8.0}


def test_large_boxes_go_to_coarser_maps_and_the_smaller_of_two_wins():
    owner = way.assign(labels((0, 0, 0, 64, 60), (0, 20, 20, 40, 40)), PLACES)[0]
    assert set(PLACES.steps[owner == 0].tolist()) == {16.0}
    assert set(PLACES.steps[owner == 1].tolist()) == {8.0}
    alone, nested = (way.assign(labels(*rows), PLACES)[0] for rows in ([_LARGE], [_LARGE, (0, 20, 20, 36, 36)]))
    assert (nested[alone == 0] == 1).any(), "the smaller one takes the places they share"
    assert (nested == 0).any(), "and leaves the others"


def test_rows_without_a_box_answer_for_nothing():
    assert (way.assign(labels((-1, 0, 0, 64, 64)), PLACES) == -1).all()


def test_the_loss_of_a_perfect_answer_is_nought_and_of_empty_images_finite():
    wanted = labels((0, 8, 8, 40, 40))
    owner = way.assign(wanted, PLACES)
    perfect = torch.full((1, len(PLACES.steps), 5), -30.0)
    for place in (owner[0] == 0).nonzero().flatten():
        edges = torch.cat([PLACES.centres[place] - 8, 40 - PLACES.centres[place]])
        perfect[0, place] = torch.cat([torch.tensor([30.0]), torch.log(edges / PLACES.steps[place])])
    assert WAY.loss(perfect, wanted).item() == pytest.approx(0, abs=1e-4)
    assert WAY.judge(perfect, wanted)["validation:mean_iou"] == pytest.approx(1)
    nothing = labels((-1, 0, 0, 0, 0))
    assert 0 < WAY.loss(torch.zeros(1, len(PLACES.steps), 5), nothing).item() < 100
    assert WAY.judge(perfect, nothing) == {"validation:mean_iou": 0.0}


def test_overlaps_are_plain_and_generalised():
    """Two unit squares a unit apart share nothing of a hull of 3, which holds 1 that neither covers."""
    plain, generalised = way.overlaps(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[2.0, 0, 3, 1]]))
    assert (plain.item(), generalised.item()) == (0, pytest.approx(-1 / 3))


# --- disturbed examples -------------------------------------------------------------------------


def test_boxes_go_where_their_pixels_go():
    """A bright rectangle's box is, after any disturbance, again the box around what is bright."""
    split = rectangles(40, 5)
    moved, boxes = way.disturb(split.images, split.labels, torch.Generator().manual_seed(1))
    assert moved.shape == split.images.shape
    checked = 0
    for image, before, after in zip(moved, split.labels, boxes, strict=True):
        if (before[:, 0] >= 0).sum() != 1 or after[0, 0] < 0:
            continue
        bright = image.float().mean(0) > 115
        rows, columns = bright.any(1).nonzero().flatten(), bright.any(0).nonzero().flatten()
        box = [columns[0].item(), rows[0].item(), columns[-1].item() + 1, rows[-1].item() + 1]
        assert after[0, 1:].tolist() == pytest.approx(box, abs=1.6)
        checked += 1
    assert checked >= 8


def test_what_is_moved_out_of_the_image_is_no_longer_looked_for():
    size = torch.tensor([64.0, 64.0])
    box = labels((2, 0, 0, 16, 64), (1, 30, 0, 60, 64), (-1, 0, 0, 0, 0))
    moved = way.move(box, torch.ones(1, 2), torch.tensor([[0.4, 0.0]]), size)[0]
    assert moved[:, 0].tolist() == [-1, 1, -1], "12.8 of 16 columns are gone"
    assert moved[1, 1:].tolist() == pytest.approx([17.2, 0, 47.2, 64], abs=1e-4)
    mirrored = way.move(box, torch.tensor([[-1.0, 1.0]]), torch.zeros(1, 2), size)[0]
    assert mirrored[0].tolist() == [2, 48, 0, 64, 64]


# --- learning -----------------------------------------------------------------------------------


def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path):
    train, validation = rectangles(16, 1), rectangles(8, 2)

    def weights(net: network.Detector) -> torch.Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])

    whole = detector()
    fitting.fit(whole, train, validation, PLAN, way=WAY)

    class StopError(Exception):
        pass

    def stop(epoch: int, _: dict[str, float]) -> None:
        if epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        fitting.fit(detector(), train, validation, PLAN, way=WAY, checkpoints=tmp_path, report=stop)
    resumed = detector(seed=99)
    fitting.fit(resumed, train, validation, PLAN, way=WAY, checkpoints=tmp_path)
    assert torch.equal(weights(resumed), weights(whole))


def test_a_checkpoint_of_other_boxes_is_not_taken_up(tmp_path):
    train, validation = rectangles(16, 1), rectangles(8, 2)
    fitting.fit(detector(), train, validation, PLAN, way=WAY, checkpoints=tmp_path)
    train.labels[0, 0, 1] += 1
    seen: list[int] = []
    report = lambda epoch, _: seen.append(epoch)  # noqa: E731
    fitting.fit(detector(), train, validation, PLAN, way=WAY, checkpoints=tmp_path, report=report)
    assert seen == [1, 2]


@pytest.mark.slow
def test_it_learns_to_find_rectangles():
    train, validation, test = rectangles(160, 1), rectangles(32, 2), rectangles(40, 3)
    net = detector()
    plan = fitting.Plan(
        epochs=14,
        batch_size=16,
        learning_rate=0.004,
        weight_decay=0.0,
        label_smoothing=0.0,
        augment=True,
        patience=14,
        seed=3,
    )
    fitting.fit(net, train, validation, plan, way=WAY)
    found = find(Served(net, SIDE, SIDE), test.images, TASK)
    judged = precision.judge(found, scenes.truth(test), ("car",), 0.4)
    assert judged["ap50"] > 0.8
    assert judged["recall"] > 0.7


# --- reading ------------------------------------------------------------------------------------


def test_a_channel_is_read_and_scaled_to_the_model(tmp_path):
    split = rectangles(6, 4)
    folder = write_channel(tmp_path / "train", split)
    read = scenes.read_split(folder, ("car",), SIDE // 2, SIDE * 2)
    order = [split.names.index(name) for name in read.names]
    real = split.labels[order]
    assert read.images.shape == (6, 3, SIDE // 2, SIDE * 2)
    assert torch.equal(read.labels[..., 0], real[..., 0])
    assert read.labels[..., 1:] == pytest.approx(real[..., 1:] * torch.tensor([2, 0.5, 2, 0.5]))
    assert [len(each.boxes) for each in scenes.truth(read)] == (real[..., 0] >= 0).sum(1).tolist()
    images.refuse_leakage({"train": read})


def line(**changes: object) -> dict[str, object]:
    good = {"class_id": 0, "left": 1, "top": 1, "width": 5, "height": 5}
    return good | changes


@pytest.mark.parametrize(
    ("rows", "size", "says"),
    [
        ([line(class_id=3)], (64, 64), "class number from 0 to 0"),
        ([line(left=60)], (64, 64), "inside its image of 64x64"),
        ([line(left=100)], (128, 64), "outside of the image's 64x64 pixels"),
        ([line(width=0)], (64, 64), "above 0"),
        ([{"left": 1}], (64, 64), "must have the numbers"),
        ([], (64, 64), "nothing to learn from empty images"),
    ],
)
def test_wrong_boxes_are_explained(tmp_path, rows, size, says):
    folder = write_channel(tmp_path / "train", rectangles(1, 4))
    body = {"image_size": [{"width": size[0], "height": size[1], "depth": 3}], "annotations": rows}
    (folder / annotations.FILE).write_text(str({"file": "4_0.png", **body}).replace("'", '"') + "\n")
    with pytest.raises(TrainingError, match=says):
        scenes.read_split(folder, ("car",), SIDE, SIDE)


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda folder: (folder / annotations.FILE).unlink(), "has no annotations.jsonl"),
        (lambda folder: (folder / "4_0.png").unlink(), "there is no such file"),
        (lambda folder: (folder / "4_0.png").write_bytes(b"no image"), "no readable image"),
        (lambda folder: (folder / "4_0.png").write_bytes(b""), "no readable image"),
        (lambda folder: (folder / annotations.FILE).write_text("{"), "is not JSON"),
    ],
    ids=["no annotations", "no image", "broken image", "empty image", "no JSON"],
)
def test_a_broken_channel_is_explained(tmp_path, break_it, says):
    folder = write_channel(tmp_path / "train", rectangles(3, 4))
    break_it(folder)
    with pytest.raises(TrainingError, match=says):
        scenes.read_split(folder, ("car",), SIDE, SIDE)


def test_what_the_server_answers_is_what_was_judged():
    """`find` brings boxes in pixels of the model's input, cut at its border, the surest first."""
    net = detector()
    with torch.no_grad():
        net.what.bias.fill_(2.0)
    (found,) = find(Served(net, SIDE, SIDE), rectangles(1, 1).images, TASK)
    assert 0 < len(found.boxes) <= TASK.max_boxes
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= SIDE
