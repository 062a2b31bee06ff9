"""`afss loop`: the steps in order. Each is described by what it depends on; `steps` decides whether it is done."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afss_ros import datasets
from afss_ros.datasets.files import write_atomically
from afss_ros.distill import families
from afss_ros.distill.export import ExportOptions
from afss_ros.distill.selection import select
from afss_ros.loop import judge, report
from afss_ros.loop.config import LoopConfig, RenderConfig, recipe_of
from afss_ros.loop.recordings import render, write_truth
from afss_ros.loop.steps import Done, Steps, fingerprint
from afss_ros.teacher import command
from afss_ros.teacher.assemble import assemble
from afss_ros.teacher.checkpoints import Access
from afss_ros.teacher.settings import LabelSettings, load_settings

_LOG = logging.getLogger(__name__)
Told = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """The steps of one round."""

    labels: Done
    selected: Done
    trained: Done
    exported: Done
    judged: Done


def run(config: LoopConfig, root: Path, *, told: Told = lambda line: None) -> dict[str, Any]:
    """Run a loop into `root`, or go on where it was stopped; writes `report.html` and `loop.json`.

    Args:
        told: what is being done, in words.

    Returns:
        The content of `loop.json`: the gain in mask AP of the last student over the teacher, every labeller's figures,
        and the steps with their folders.

    Raises:
        LoopError, TeacherError, DistillError, DatasetError: with the cure; running again goes on.
    """
    steps = Steps(root)
    recordings, truth, identity = _data(config, steps, told)
    settings = load_settings(None, config.label)
    told("judging the teacher")
    teacher = steps.run(
        "judge-teacher",
        {"label": settings.as_dict(), "truth": identity},
        lambda folder: _judge_teacher(settings, truth, folder),
    )
    rounds: list[Round] = []
    for number in range(1, config.rounds + 1):
        rounds.append(_round(config, steps, number, settings, recordings, truth, identity, rounds, told))
    judged = [teacher, *(r.judged for r in rounds)]
    objects = [judge.read_objects(done.folder / "objects.json") for done in judged]
    told("intervals and report")
    outcome: dict[str, Any] = {
        "gain": judge.gain(objects[0], objects[-1], config.resamples),
        "labellers": [done.result for done in judged],
        "rounds": [{"selected": r.selected.result, "student": str(_model(r.exported))} for r in rounds],
        "steps": [
            {"name": done.name, "folder": done.folder.name, "seconds": done.seconds, "skipped": done.skipped}
            for done in steps.done
        ],
    }
    write_atomically(root / "loop.json", (json.dumps(outcome, indent=1) + "\n").encode())
    report.write(root / "report.html", config, outcome, [(r.selected.folder, r.trained.folder) for r in rounds])
    return outcome


def _data(config: LoopConfig, steps: Steps, told: Told) -> tuple[list[Path], Path, str]:
    """The recordings to learn from, the set to judge by, and what identifies that set."""
    if config.render is None:
        assert config.held_out is not None
        return list(config.recordings), config.held_out, fingerprint(config.held_out)
    wanted: RenderConfig = config.render
    told("rendering")
    done = steps.run("render", wanted.model_dump(mode="json"), lambda folder: _render(wanted, folder))
    bags = [done.folder / name for name in done.result["bags"]]
    return bags, done.folder / "truth", done.folder.name


def _render(config: RenderConfig, folder: Path) -> dict[str, Any]:
    bags = render(config, folder, "train", config.recordings)
    frames = write_truth(render(config, folder, "test", config.held_out), folder / "truth")
    return {"bags": [bag.name for bag in bags], "held_out_frames": frames}


def _round(
    config: LoopConfig,
    steps: Steps,
    number: int,
    teacher: LabelSettings,
    recordings: list[Path],
    truth: Path,
    identity: str,
    before: list[Round],
    told: Told,
) -> Round:
    last = before[-1] if before else None
    settings = teacher if last is None else student_settings(config, teacher, _model(last.exported))
    told(f"round {number}: labelling")
    labels = steps.run(
        f"label-{number}",
        {
            # A student's path says where it lies, not what it is: the step that made it does.
            "label": teacher.as_dict() if last is None else config.relabel.model_dump(mode="json"),
            "student": None if last is None else last.exported.folder.name,
            "recordings": [[path.stem, fingerprint(path)] for path in recordings],
        },
        lambda folder: _label(settings, recordings, folder),
    )
    against = [last.labels.folder / p.stem for p in recordings] if last and config.relabel.against else []
    told(f"round {number}: selecting")
    selected = steps.run(
        f"select-{number}",
        {
            "select": config.select.model_dump(mode="json"),
            "labels": labels.folder.name,
            "against": last.labels.folder.name if last and against else None,
        },
        lambda folder: _select(config, [labels.folder / p.stem for p in recordings], against, folder),
    )
    told(f"round {number}: training")
    recipe = recipe_of(config, selected.folder / "set", last.trained.folder / "run" if last else None)
    plain = recipe_of(config, Path("set"), Path("before") if last else None).model_dump(mode="json")
    trained = steps.run(
        f"train-{number}",
        {"recipe": plain, "set": selected.folder.name, "before": last.trained.folder.name if last else None},
        lambda folder: _train(recipe, folder),
    )
    options = ExportOptions((config.export.size, config.export.size), config.export.labels_stride)
    exported = steps.run(
        f"export-{number}",
        {"run": trained.folder.name, "export": config.export.model_dump(mode="json")},
        lambda folder: {
            "student": families.export(trained.folder / "run", folder / f"student-{number}.onnx", options).name
        },
    )
    told(f"round {number}: judging")
    judged = steps.run(
        f"judge-{number}",
        {"student": exported.folder.name, "truth": identity},
        lambda folder: _judge_student(
            _model(exported), truth, folder, f"round {number}", whole_only=not teacher.parsed_prompts().parts
        ),
    )
    return Round(labels, selected, trained, exported, judged)


def student_settings(config: LoopConfig, teacher: LabelSettings, model: Path) -> LabelSettings:
    """The settings with which a student labels: its predecessor's frames, prompts and sizes, its own weights."""
    return dataclasses.replace(
        teacher,
        detector=dataclasses.replace(teacher.detector, name="student", checkpoint=str(model), revision=""),
        segmenter=dataclasses.replace(teacher.segmenter, name="student", checkpoint=str(model), revision=""),
        refine=dataclasses.replace(teacher.refine, views=config.relabel.views),
        video=dataclasses.replace(teacher.video, propagator="off"),
        keep=config.relabel.keep,
    )


def _model(exported: Done) -> Path:
    return exported.folder / str(exported.result["student"])


def _label(settings: LabelSettings, recordings: list[Path], folder: Path) -> dict[str, Any]:
    counts = {p.stem: command.label(p, folder / p.stem, settings, access=Access(), bag=False) for p in recordings}
    return {"frames": counts}


def _select(config: LoopConfig, sets: list[Path], against: list[Path], folder: Path) -> dict[str, Any]:
    usable = [(s, i) for i, s in enumerate(sets) if len(datasets.load(s))]
    for path in sorted(set(sets) - {s for s, _ in usable}):
        _LOG.warning("%s: nothing was labelled in it", path)
    held = [against[i] for _, i in usable] if against else []
    selected = select([s for s, _ in usable], folder / "set", config.select, against=held)
    return {"by_reason": selected.by_reason, "by_split": selected.by_split}


def _train(recipe: Any, folder: Path) -> dict[str, Any]:
    trained = families.train(recipe, folder / "run")
    return {"step": trained.step, "metrics": trained.metrics, "samples": trained.samples}


def _judge_teacher(settings: LabelSettings, truth: Path, folder: Path) -> dict[str, Any]:
    teacher = assemble(settings, Access())
    unit = settings.video.chunk if teacher.propagator is not None else settings.batch
    return _keep(judge.judge_teacher(teacher, datasets.load(truth), unit), folder)


def _judge_student(model: Path, truth: Path, folder: Path, name: str, *, whole_only: bool) -> dict[str, Any]:
    return _keep(judge.judge_student(model, datasets.load(truth), name, whole_only=whole_only), folder)


def _keep(judged: judge.Judged, folder: Path) -> dict[str, Any]:
    judge.write_objects(folder / "objects.json", judged.objects)
    return judged.document
