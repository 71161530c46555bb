"""Write many versions of every image of a training channel: in parallel, in bounded memory, and on after a kill.

`out` gets the versions (`<class>/<name>-<number>.jpg`; where images have boxes `<name>-<number>.jpg` and
`annotations.jsonl`) and, in the end, `manifest.jsonl`: the settings, then a line per image with its boxes, its
checksum and those of its versions. Until then a folder `.unfinished` says where the next run goes on.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import shutil
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any

from training.data import AUGMENTED
from training.data.augment import channel as channels
from training.data.augment import work
from training.data.augment.ledger import Ledger, changed
from training.data.fetch import sha256_of
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.data.augment.ledger import Source
    from training.data.augment.settings import Settings
    from training.data.progress import Progress

MANIFEST = "manifest.jsonl"
UNFINISHED = ".unfinished"

_TASK = 200
"""Versions per task: half a second of work, which is what a kill can lose per process."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an augmentation did: images, their versions, and how many of those this run made."""

    out: str
    images: int
    versions: int
    made: int


def augment(
    source: Path, out: Path | None, settings: Settings, *, jobs: int = 1, progress: Progress | None = None
) -> Done:
    """Write `settings.copies` versions of every training image.

    Validation and test images never get versions; neither does a training image that equals one of them.

    Parameters
    ----------
    source
        A staged dataset, of which `train/` is taken, or a channel: class folders, or images and `annotations.jsonl`.
    out
        Folder of the versions; None for `augmented/` in the channel.
    jobs
        Processes.

    Raises
    ------
    DataError
        Nothing to augment, an image that cannot be read or also judges the model, a folder begun with other settings.
    """
    found = channels.find(source)
    target = out or found.folder / AUGMENTED
    if target.resolve() == found.folder.resolve():
        raise DataError("--out", str(target), "holds the images themselves; name another folder")
    if jobs < 1:
        raise DataError("--jobs", jobs, "must be at least 1")
    try:
        with _locked(target) as unfinished:
            if (target / MANIFEST).exists():
                return _unchanged(found, target, settings)
            run = _Run(found, target, unfinished, settings)
            with closing(Ledger(unfinished / "ledger.sqlite", settings.described())) as ledger:
                return run.perform(ledger, jobs, progress)
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename}"
        raise DataError("--out", str(target), f"stopped ({reason}); run again to go on from there") from None


@dataclass(frozen=True, slots=True)
class _Run:
    found: channels.Channel
    out: Path
    unfinished: Path
    settings: Settings

    def perform(self, ledger: Ledger, jobs: int, progress: Progress | None) -> Done:
        for path in ledger.take_in(channels.sources(self.found, self.out)):
            self._remove(path)
        ledger.hold_out(channels.held_out(self.found))
        lost = [path for path, said in ledger.done() if not all((self.out / file).exists() for file in said["files"])]
        for path in lost:
            ledger.reopen(path)
        done, images = ledger.counts()
        if not images:
            raise DataError("--source", str(self.found.folder), "holds no images; name a folder of class folders")
        copies, begun = self.settings.copies, done
        for results in _results(self._tasks(ledger), jobs):
            for path, said in results:
                self._finish(ledger, path, said)
                done += 1
            if progress:
                progress(done * copies, images * copies)
        self._write_documents(ledger)
        return Done(str(self.out), images, images * copies, (images - begun) * copies)

    def _tasks(self, ledger: Ledger) -> Iterator[work.Task]:
        waiting = ledger.open()
        places = str(self.found.folder), str(self.out), str(self.unfinished)
        while sources := tuple(islice(waiting, max(1, _TASK // self.settings.copies))):
            yield work.Task(*places, self.settings, sources)

    def _finish(self, ledger: Ledger, path: str, said: dict[str, Any]) -> None:
        same = ledger.held_out(said["sha256"])
        if same is not None:
            self._remove(path)
            raise DataError("image", path, f"is the same file as {same}, which judges the model; remove one of them")
        ledger.finish(path, said)

    def _remove(self, source: str) -> None:
        for file in self.settings.files(source):
            (self.out / file).unlink(missing_ok=True)

    def _write_documents(self, ledger: Ledger) -> None:
        """Boxes, checksums, and last of all the manifest, which says that all is done."""
        manifest, annotations = self.unfinished / MANIFEST, self.unfinished / channels.ANNOTATIONS
        with manifest.open("w", encoding="utf-8") as file, annotations.open("w", encoding="utf-8") as boxes:
            file.write(_compact(self.settings.described()))
            for path, said in ledger.done():
                boxes.writelines(f"{line}\n" for line in said.pop("annotations"))
                file.write(_compact({"source": path, **said}))
        documents = [(MANIFEST, sha256_of(manifest))]
        if (self.found.folder / channels.ANNOTATIONS).is_file():
            documents.append((channels.ANNOTATIONS, sha256_of(annotations)))
            annotations.replace(self.out / channels.ANNOTATIONS)
        dataset = self.found.dataset
        if dataset is not None and self.out.resolve() == (self.found.folder / AUGMENTED).resolve():
            versions = (item for _, said in ledger.done() for item in said["files"].items())
            channels.enter(dataset, self.found.folder / AUGMENTED, versions, documents)
        manifest.replace(self.out / MANIFEST)


def _results(tasks: Iterator[work.Task], jobs: int) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What the tasks give, as they are done; only a few more than there are processes wait at a time."""
    if jobs == 1:
        yield from map(work.perform, tasks)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=work.prepare)
    try:
        running = {pool.submit(work.perform, task) for task in islice(tasks, 2 * jobs)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
            running |= {pool.submit(work.perform, task) for task in islice(tasks, len(ended))}
    except BrokenProcessPool:
        remedy = "a process was ended from outside, perhaps for want of memory; run again, with fewer if so"
        raise DataError("--jobs", jobs, remedy) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _unchanged(found: channels.Channel, out: Path, settings: Settings) -> Done:
    """See that a finished folder is what would be made again."""
    described = settings.described()
    with (out / MANIFEST).open(encoding="utf-8") as file:
        before = json.loads(next(file))
        if before != described:
            raise changed(out, before, described)
        with closing(Ledger(out / UNFINISHED / "ledger.sqlite", described)) as ledger:
            ledger.take_in(channels.sources(found, out))
            images = ledger.counts()[1]
            for line, source in zip_longest(file, ledger.open()):
                listed = json.loads(line or "{}")
                if source is None or not _describes(listed, source, found.folder):
                    differs = listed["source"] if source is None else source.path
                    remedy = f"holds the versions of other images ({differs} differs); remove it or name another folder"
                    raise DataError("--out", str(out), remedy)
    return Done(str(out), images, images * settings.copies, 0)


def _describes(listed: dict[str, Any], source: Source, folder: Path) -> bool:
    """Whether a line of the manifest is about this very image with these very boxes."""
    if listed.get("source") != source.path or listed["boxes"] != work.boxes_of(source):
        return False
    return bool(listed["sha256"] == sha256_of(folder / source.path))


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":")) + "\n"


@contextmanager
def _locked(out: Path) -> Iterator[Path]:
    """The folder of what is unfinished, for one run at a time; a killed run lets go of it."""
    unfinished = out / UNFINISHED
    if out.is_dir() and not unfinished.is_dir() and not (out / MANIFEST).exists() and any(out.iterdir()):
        raise DataError("--out", str(out), "holds other files; name an empty or a new folder")
    unfinished.mkdir(parents=True, exist_ok=True)
    with (unfinished / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError("--out", str(out), "another augmentation is writing it; wait for it or end it") from None
        for partial in unfinished.glob("*.part"):
            partial.unlink()
        try:
            yield unfinished
        finally:
            if (out / MANIFEST).exists():
                shutil.rmtree(unfinished, ignore_errors=True)
