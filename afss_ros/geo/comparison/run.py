"""The work of a comparison, step by step; a step that is done is not done again."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from afss_ros.datasets.files import read_json, write_atomically
from afss_ros.distill import families
from afss_ros.distill import recipe as recipes
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.geo import outlines, vectorise
from afss_ros.geo import predict as prediction
from afss_ros.geo.chips import RECIPE, chip
from afss_ros.geo.comparison import scored, table
from afss_ros.geo.comparison.plan import CHANNELS, Plan
from afss_ros.geo.comparison.scored import Chip
from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2 import refine as refining
from afss_ros.geo.sam2.network import OFFLINE
from afss_ros.geo.sam2.tune import tune
from afss_ros.geo.sam2.tuned import Ready, ready
from afss_ros.geo.split import split_set
from afss_ros.geo.stretch import Stretch
from afss_ros.geo.vectors import Features, read_features, write_features
from afss_ros.teacher.models.checkpoints import Access

_LOG = logging.getLogger(__name__)
Report = Callable[[str, int, int], None]
"""Told what is being done, steps done, and their number."""


def compare(plan: Plan, report: Report = lambda what, done, total: None, access: Access = OFFLINE) -> Path:
    """Do all of a plan, and write `table.md` and `table.json`; returns the former.

    Raises:
        GeoError: the folder holds another plan, or a step cannot be done.
    """
    _require_same(plan)
    steps = _Steps(plan, report, access)
    results = [record for seed in plan.seeds for record in steps.of_seed(seed)]
    document = {"plan": plan.to_json(), "splits": steps.splits, "results": results}
    write_atomically(plan.out / "table.json", json.dumps(document, indent=1).encode())
    write_atomically(plan.out / "table.md", table.markdown(document).encode())
    return plan.out / "table.md"


class _Steps:
    def __init__(self, plan: Plan, report: Report, access: Access) -> None:
        self.plan, self.access = plan, access
        self.scenes = [scene for some in plan.cities.values() for scene in some]
        self.splits: dict[str, Any] = {}
        models = len(plan.students) * len(plan.channels)
        self._report, self._done = report, 0
        self._total = len(plan.seeds) * (2 * models if plan.sam2 is None else 3 * models + 2)

    def of_seed(self, seed: int) -> list[dict[str, Any]]:
        """Every method's record of one seed."""
        plan = self.plan
        roots = {name: self._sets(name, plan.blocks_of(seed)) for name in plan.channels}
        first = roots[plan.channels[0]]
        validation, test = (scored.chips(first, split) for split in ("val", "test"))
        if not validation or not test:
            raise GeoError(f"{plan.out}: the split leaves {len(validation)} validation and {len(test)} test chips; make"
                           " blocks or chips smaller")  # fmt: skip
        known = scored.truth(self.scenes, [*validation, *test])
        sam2 = None if plan.sam2 is None else self._tuned(first, seed)
        records = []
        for student in plan.students:
            for name in plan.channels:
                run = plan.out / "runs" / f"{student}-{name}-{seed}"
                records.append(self._alone(run, student, name, seed, roots[name], known, validation, test))
                if sam2 is not None:
                    records.append(self._refined(run, sam2, records[-1], known, validation, test))
        if sam2 is not None:
            records.append(self._bound(sam2, seed, known, validation, test))
        return records

    def _step(self, what: str) -> None:
        self._report(what, self._done, self._total)
        self._done += 1

    def _sets(self, channels: str, blocks: int) -> list[Path]:
        """A set of each city for these channels, split; all with one stretch."""
        plan = self.plan
        roots = []
        told = plan.out / "stretch.json"
        for city, scenes in plan.cities.items():
            root = plan.out / "sets" / f"{city}-{channels}-blocks{blocks}"
            roots.append(root)
            if not (root / "split.json").exists():
                self._report(f"cutting {root.name}", self._done, self._total)
                tone = Stretch.from_json(read_json(told), str(told)) if told.exists() else None
                chip(scenes, root, plan.cut(channels), tone)
                found = read_json(root / "dataset.json")["provenance"]["geo"]["stretch"]
                write_atomically(told, json.dumps(found).encode())
                shares = {"train": 0.7, "val": 0.15, "test": 0.15}
                split_set(root, shares, blocks=plan.blocks, guard=plan.guard, seed=blocks)
            self.splits[f"{city}, blocks {blocks}"] = read_json(root / "split.json")
        return roots

    def _alone(
        self, run: Path, student: str, channels: str, seed: int, roots: Sequence[Path], known: dict[Path, Features],
        validation: Sequence[Chip], test: Sequence[Chip],
    ) -> dict[str, Any]:  # fmt: skip
        """A student, trained and scored by itself."""
        plan = self.plan
        self._step(f"training {run.name}")
        began = time.perf_counter()
        model = run / "student.onnx"
        if not model.exists():
            recipe = recipes.adjusted(roots[0] / RECIPE, data=roots, student=student, minutes=plan.minutes,
                                      epochs=plan.epochs, seed=seed)  # fmt: skip
            families.train(recipe, run, device=plan.device)
            families.export(run, model, ExportOptions((plan.size, plan.size), 1))
        seconds = time.perf_counter() - began
        self._step(f"mapping {run.name}")
        method = f"{student}, {channels}"

        def make() -> scored.Scored:
            maps = self._maps(model, run / "maps", list(known))
            grow = CHANNELS[channels].get("boundary", 0) / 2
            shapes: dict[float | None, scored.Shapes] = {
                t: self._shapes(maps, t, grow, [*validation, *test]) for t in plan.thresholds
            }
            found = scored.score(known, shapes, validation, test)
            assert found.threshold is not None
            for scene, features in shapes[found.threshold].items():  # what SAM 2 is to refine
                write_features(run / "maps" / f"{scene.stem}.gpkg", features)
            return found

        return self._record(run.parent / f"{run.name}.json", method, seed, make, {"train_seconds": seconds})

    def _refined(
        self, run: Path, sam2: Ready, alone: dict[str, Any], known: dict[Path, Features], validation: Sequence[Chip],
        test: Sequence[Chip],
    ) -> dict[str, Any]:  # fmt: skip
        """The student's objects, drawn anew by SAM 2."""
        self._step(f"refining {run.name}")

        def make() -> scored.Scored:
            proposals = {scene: run / "maps" / f"{scene.stem}.gpkg" for scene in known}
            better = self._redrawn(sam2, proposals, run / "refined", "boxes")
            return scored.score(known, {alone["threshold"]: better}, validation, test)

        name = f"{alone['method']}, refined by SAM 2"
        return self._record(run.parent / f"{run.name}-refined.json", name, alone["seed"], make, {"of": alone["method"]})

    def _bound(
        self, sam2: Ready, seed: int, known: dict[Path, Features], validation: Sequence[Chip], test: Sequence[Chip]
    ) -> dict[str, Any]:
        """What SAM 2 makes of the truth's own boxes."""
        self._step(f"SAM 2 with the truth's boxes, {seed}")
        folder = self.plan.out / "runs" / f"sam2-{seed}" / "bound"

        def make() -> scored.Scored:
            folder.mkdir(parents=True, exist_ok=True)
            boxes = {scene: folder / f"{scene.stem}-truth.gpkg" for scene in known}
            for scene, features in known.items():
                write_features(boxes[scene], scored.near(features, [*validation, *test]))
            found = self._redrawn(sam2, boxes, folder, "truth")
            return scored.score(known, {None: found}, validation, test)

        return self._record(
            folder.parent.parent / f"sam2-{seed}-bound.json", f"SAM 2, {refining.UPPER_BOUND}", seed, make, {}
        )

    def _record(
        self, path: Path, method: str, seed: int, make: Callable[[], scored.Scored], facts: dict[str, Any]
    ) -> dict[str, Any]:
        if path.exists():
            found: dict[str, Any] = read_json(path)
            return found
        record = {"method": method, "seed": seed, **make().to_json(), **facts}
        write_atomically(path, json.dumps(record, indent=1).encode())
        _LOG.info("%s, seed %d: F1 %.4f (validation %.4f)", method, seed, record["f1"], record["validation_f1"])
        return record

    def _tuned(self, roots: Sequence[Path], seed: int) -> Ready:
        assert self.plan.sam2 is not None
        run = self.plan.out / "runs" / f"sam2-{seed}"
        self._step(f"tuning {run.name}")
        tune(roots, run, replace(self.plan.sam2, seed=seed), cache=self.plan.out / "embeddings", access=self.access,
             device=self.plan.device)  # fmt: skip
        return ready(str(run))

    def _maps(self, model: Path, folder: Path, scenes: Sequence[Path]) -> dict[Path, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        maps = {scene: folder / f"{scene.stem}.tif" for scene in scenes}
        if all(path.exists() for path in maps.values()):
            return maps
        students, networks, names = prediction.student_networks(model)
        try:
            tone, wanted = prediction.shown_as(students[0], model)
            assert tone is not None
            for scene, out in maps.items():
                if not out.exists():
                    side = students[0].contract.input_size[0]
                    job = prediction.Job(scene, out, tone, names, side, side // 4, wanted, self.plan.zero_is_empty,
                                         students[0].sha256)  # fmt: skip
                    prediction.predict(job, networks)
        finally:
            for student in students:
                student.close()
        return maps

    def _shapes(
        self, maps: dict[Path, Path], threshold: float, grow: float, where: Sequence[Chip]
    ) -> dict[Path, Features]:
        found = {}
        for scene, path in maps.items():
            drawn = path.with_name(f"{path.stem}-{threshold:g}.gpkg")
            if not drawn.exists():
                vectorise.vectorise(path, drawn, outlines.Rules(threshold, grow=grow))
            mine = [chip for chip in where if chip.scene == scene]
            found[scene] = scored.near(read_features(drawn, duplicates="keep"), mine)
        return found

    def _redrawn(self, sam2: Ready, proposals: dict[Path, Path], folder: Path, kind: Any) -> dict[Path, Features]:
        folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for scene, path in proposals.items():
            out = folder / f"{scene.stem}.gpkg"
            if not out.exists():
                job = refining.Job(scene, out, kind, path, wanted=self.plan.wanted,
                                   zero_is_empty=self.plan.zero_is_empty)  # fmt: skip
                refining.refine(job, sam2, self.plan.rules)
            found[scene] = read_features(out, duplicates="keep")
        return found


def _require_same(plan: Plan) -> None:
    """Refuse a folder that was begun with another plan."""
    path = plan.out / "plan.json"
    scenes = {name: [[str(s.image), str(s.labels)] for s in some] for name, some in plan.cities.items()}
    document = {**plan.to_json(), "scenes": scenes}
    if path.exists():
        begun = read_json(path)
        if changed := [key for key in document if begun.get(key) != document[key] and key != "seeds"]:
            raise GeoError(f"{plan.out}: holds another comparison ({', '.join(changed)} differ); choose another --out")
    (plan.out / "runs").mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(document, indent=1).encode())
