"""The classified images beside their predictions, and how sure the model was of them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from loadtest.report.values import mapping, mappings, number, percent, text
from rehearsal.report.records import RunRecord
from rehearsal.report.svg import Bar, histogram
from rehearsal.report.thumbnails import Album

# More would be a page that nobody scrolls; the manifest in S3 lists every image.
MAX_ITEMS = 240
SHOWN_AT_FIRST = 20
TOP = 5

STATUSES = {"classified": "classified", "for_review": "for review", "failed": "failed"}
# The order of a reader's interest: what went wrong, what is doubtful, and then the rest.
ORDER = ("failed", "wrong", "for_review", "classified")


def gallery(run: RunRecord, album: Album) -> dict[str, Any] | None:
    """Return tiles for the classified images, the most interesting first, or None when there are none."""
    data = run.data("classify")
    known, threshold = classes(run), number(data.get("threshold"))
    items = [_item(item, known) for item in mappings(data.get("items"))]
    if not items:
        return None
    items.sort(key=lambda item: ORDER.index(item["kind"]))
    amounts = Counter(item["status"] for item in items)
    filters = [{"kind": "all", "label": "All", "amount": len(items)}]
    filters += [{"kind": s, "label": label.capitalize(), "amount": amounts[s]} for s, label in STATUSES.items()]
    wrong = sum(item["kind"] == "wrong" for item in items)
    if wrong:
        filters.append({"kind": "wrong", "label": "Wrong label", "amount": wrong})
    shown = items[:MAX_ITEMS]
    for item in shown:
        item["picture"] = album.picture(item["path"])
    return {
        "items": shown,
        "left_out": len(items) - len(shown),
        "filters": [choice for choice in filters if choice["amount"]],
        "at_first": SHOWN_AT_FIRST,
        "planted": any(item["planted"] for item in items),
        "threshold": threshold,
        "threshold_text": percent(threshold) if threshold is not None else "",
    }


def drawn(data: dict[str, Any], album: Album) -> list[dict[str, Any]]:
    """Return the plots and sheets of pictures that a stage, or the job that it ran, has left."""
    return [
        {
            "picture": album.figure(text(figure.get("path"), 4000)),
            "file": text(figure.get("file"), 120),
            "title": text(figure.get("title"), 120),
            "caption": text(figure.get("caption"), 1200),
            "alt": text(figure.get("alt"), 600) or text(figure.get("title"), 120),
        }
        for figure in mappings(data.get("figures"))
    ]


def samples(run: RunRecord, album: Album) -> dict[str, Any] | None:
    """Return a few training images and how many there are of each class, or None."""
    data = run.data("stage")
    pictures = [
        {"picture": album.picture(text(sample.get("path"), 4000)), "label": text(sample.get("label"), 80)}
        for sample in mappings(data.get("samples"))[:24]
    ]
    splits = {text(split, 40): mapping(amounts) for split, amounts in mapping(data.get("images")).items()}
    labels = sorted({text(label, 80) for amounts in splits.values() for label in amounts})
    if not splits and not pictures:
        return None
    rows = [
        {"split": split, "amounts": [number(amounts.get(label)) or 0 for label in labels]}
        for split, amounts in splits.items()
    ]
    return {"pictures": pictures, "labels": labels, "rows": rows}


def confidence(run: RunRecord) -> dict[str, Any] | None:
    """Return the histogram of how sure the model was, its bins aligned with the threshold, or None."""
    data = run.data("classify")
    known, threshold = classes(run), number(data.get("threshold"))
    items = [_item(item, known) for item in mappings(data.get("items"))]
    sure = [(item["probability"], item["kind"]) for item in items if item["probability"] is not None]
    sure = [(p, kind) for p, kind in sure if 0 <= p <= 1]
    if not sure:
        return None
    edges = bin_edges(threshold, min(p for p, _ in sure))
    bars = []
    for index, (low, high) in enumerate(pairwise(edges)):
        last = index == len(edges) - 2
        inside = Counter(kind for p, kind in sure if low <= p < high or (last and p >= low))
        bars.append(Bar(low, high, [(f"bar-{kind}", inside[kind]) for kind in ("classified", "wrong", "for_review")]))
    below = sum(p < threshold for p, _ in sure) if threshold is not None else 0
    if threshold is not None:
        words = f"{below} of {len(sure)} images lie below the threshold of {percent(threshold)}."
    else:
        words = f"{len(sure)} images; no threshold was recorded."
    kinds = Counter(kind for _, kind in sure)
    ruled = {item["of"] for item in items if item["of"]}
    what = ruled.pop() if len(ruled) == 1 else "the predicted class"
    plot = histogram("How sure the model was", words, bars, f"probability of {what}", threshold)
    return {"plot": plot, "words": words, "kinds": kinds}


def bin_edges(threshold: float | None, lowest: float) -> list[float]:
    """Return edges over the probabilities, one of them exactly at the threshold, so that no bin straddles it."""
    if threshold is None or not 0 < threshold < 1:
        return [round(index / 20, 4) for index in range(21)]
    above = max(1, min(4, round((1 - threshold) / 0.02)))
    step = (1 - threshold) / above
    while threshold / step > 40:
        step *= 2
    edges = [1 - (1 - threshold) * index / above for index in range(above + 1)]
    while edges[-1] > lowest and edges[-1] > 0:
        edges.append(max(0.0, edges[-1] - step))
    return sorted({round(edge, 6) for edge in edges})


def classes(run: RunRecord) -> set[str]:
    """Return the labels that a model can answer with; anything else, such as a blend, is neither right nor wrong."""
    images = mapping(run.data("stage").get("images"))
    staged = {text(label, 80) for amounts in images.values() for label in mapping(amounts)}
    tested = mapping(run.data("train").get("confusion") or run.data("promote").get("confusion")).get("labels")
    return staged or {text(label, 80) for label in (tested if isinstance(tested, list) else [])}


def _item(item: dict[str, Any], known: set[str]) -> dict[str, Any]:
    status = text(item.get("status"), 20)
    status = status if status in STATUSES else "failed"
    label, true_label = text(item.get("label"), 80), text(item.get("true_label"), 80)
    comparable = not known or true_label in known
    wrong = status == "classified" and bool(true_label) and comparable and label != true_label
    probability = number(item.get("probability"))
    key = text(item.get("key"), 1024)
    # A model with a rule of its own decides by the probability of one class, whichever is the likelier.
    of = text(mapping(item.get("decision")).get("positive"), 80)
    return {
        "path": text(item.get("image"), 4000),
        "key": key,
        "name": key.rsplit("/", 1)[-1],
        "status": status,
        "status_text": STATUSES[status],
        "kind": "wrong" if wrong else status,
        "label": label,
        "truth": f"{'is' if comparable else 'planted:'} {true_label}" if true_label else "",
        "planted": bool(true_label) and not comparable,
        "probability": probability,
        "probability_text": f"{of} {percent(probability)}".strip() if probability is not None else "",
        "of": of,
        "reason": text(item.get("reason"), 600),
        "predictions": [
            {"label": text(guess.get("label"), 80), "share": share, "text": percent(share)}
            for guess in mappings(item.get("predictions"))[:TOP]
            if (share := number(guess.get("probability"))) is not None
        ],
    }
