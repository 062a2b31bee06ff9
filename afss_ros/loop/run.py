"""`afss loop`: the steps in order. Each is described by what it depends on; `steps` decides whether it is done."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afss_ros.datasets.files import write_atomically
from afss_ros.labelling.settings import LabelSettings, load_settings
from afss_ros.loop import judge, labelling, report, work
from afss_ros.loop.config import LoopConfig, recipe_of
from afss_ros.loop.gain import gain
from afss_ros.loop.steps import Done, Steps, contents, fingerprint

_LOG = logging.getLogger(__name__)
Told = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Data:
    """What there is to learn from, the set to judge by, and what identifies that set."""

    recordings: list[Path]
    truth: Path
    identity: str


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """The steps of one round."""

    labels: Done
    selected: Done
    trained: Done
    exported: Done
    judged: Done


@dataclasses.dataclass(frozen=True, slots=True)
class Executed:
    """All steps of a loop: the teachers' figures (zero-shot first), and the rounds."""

    teachers: list[Done]
    rounds: list[Round]

    @property
    def teacher(self) -> Done:
        """The teacher that labelled the first round: as refined as the settings say."""
        return self.teachers[-1]


def run(config: LoopConfig, root: Path, *, told: Told = lambda line: None) -> dict[str, Any]:
    """Run a loop into `root`, or go on where it was stopped; writes `report.html` and `loop.json`.

    Args:
        told: what is being done, in words.

    Returns:
        The content of `loop.json`: the gain in average precision of the last student over the better of the teacher
        as configured and the same teacher zero-shot, every labeller's figures, and the steps with their folders.

    Raises:
        LoopError, TeacherError, DistillError, DatasetError: with the cure; running again goes on.
    """
    steps = Steps(root)
    executed = execute(config, steps, told)
    judged = [*executed.teachers, *(r.judged for r in executed.rounds)]
    told("intervals and report")
    last = objects_of(judged[-1])
    gains = [(t, gain(objects_of(t), last, config.resamples)) for t in executed.teachers]
    best, least = min(gains, key=lambda pair: pair[1]["difference"]["value"])
    outcome: dict[str, Any] = {
        "gain": {"over": best.result["model"], **least},
        "labellers": [done.result for done in judged],
        "rounds": [{"selected": r.selected.result, "student": str(model_of(r.exported))} for r in executed.rounds],
        "steps": [
            {"name": done.name, "folder": done.folder.name, "seconds": done.seconds, "skipped": done.skipped}
            for done in steps.done
        ],
    }
    write_atomically(root / "loop.json", (json.dumps(outcome, indent=1) + "\n").encode())
    folders = [(r.selected.folder, r.trained.folder) for r in executed.rounds]
    report.write(root / "report.html", config, outcome, folders)
    return outcome


def execute(config: LoopConfig, steps: Steps, told: Told = lambda line: None) -> Executed:
    """Every step of a loop, done or found done."""
    data = _data(config, steps, told)
    settings = load_settings(None, config.label)
    plain, refined = zero_shot(settings), as_judged(settings)
    alike = plain == refined
    named = [(plain, "teacher")] if alike else [(plain, "zero-shot teacher"), (refined, "refined teacher")]
    told("judging the teacher")
    teachers = [_judged_teacher(s, name, data, steps) for s, name in named]
    rounds: list[Round] = []
    for number in range(1, config.rounds + 1):
        rounds.append(_round(config, steps, number, settings, data, rounds[-1] if rounds else None, told))
    return Executed(teachers, rounds)


def as_judged(settings: LabelSettings) -> LabelSettings:
    """A teacher without what only says which of its labels are learned from: how well it sees is another question."""
    return dataclasses.replace(settings, keep="", refine=dataclasses.replace(settings.refine, undecided=0.0))


def zero_shot(settings: LabelSettings) -> LabelSettings:
    """A judged teacher without views and without video."""
    judged = as_judged(settings)
    return dataclasses.replace(
        judged,
        refine=dataclasses.replace(judged.refine, views="none"),
        video=dataclasses.replace(judged.video, propagator="off"),
    )


def objects_of(judged: Done) -> judge.Objects:
    """What a judged labeller found."""
    return judge.read_objects(judged.folder / judge.OBJECTS)


def model_of(exported: Done) -> Path:
    """The student that a step of export wrote."""
    return exported.folder / str(exported.result["student"])


def _judged_teacher(settings: LabelSettings, name: str, data: Data, steps: Steps) -> Done:
    return steps.run(
        "judge-teacher",
        {"label": settings.as_dict(), "truth": data.identity, "name": name, **_weights(settings)},
        lambda folder: work.judge_teacher(settings, data.truth, folder, name),
    )


def _data(config: LoopConfig, steps: Steps, told: Told) -> Data:
    recordings = list(config.recordings)
    truth, identity = config.held_out, ""
    if config.render is not None:
        wanted, judged = config.render, config.judges_renderings
        told("rendering")
        done = steps.run(
            "render",
            {**wanted.model_dump(mode="json"), "judged": judged},
            lambda folder: work.render_recordings(wanted, folder, judged=judged),
        )
        recordings += [done.folder / name for name in done.result["recordings"]]
        if judged:
            truth, identity = done.folder / "truth", done.folder.name
    if config.pictures is not None:
        pictures = config.pictures
        told("dividing the pictures")
        settings = pictures.model_dump(mode="json", exclude={"set"})
        done = steps.run(
            "pictures",
            {**settings, "set": fingerprint(pictures.set)},
            lambda folder: work.divide_pictures(pictures, folder),
        )
        recordings += [done.folder / name for name in done.result["recordings"]]
        truth, identity = done.folder / "truth", done.folder.name
    assert truth is not None  # the configuration was validated
    return Data(recordings, truth, identity or fingerprint(truth))


def _round(
    config: LoopConfig,
    steps: Steps,
    number: int,
    teacher: LabelSettings,
    data: Data,
    last: Round | None,
    told: Told,
) -> Round:
    settings = teacher if last is None else student_settings(config, teacher, model_of(last.exported))
    told(f"round {number}: labelling")
    labels = steps.run(
        f"label-{number}",
        {
            # A student's path says where it lies, not what it is: the step that made it does.
            "label": teacher.as_dict() if last is None else config.relabel.model_dump(include={"views", "keep"}),
            "student": None if last is None else last.exported.folder.name,
            **(_weights(teacher) if last is None else {}),
            "recordings": [[path.stem, fingerprint(path)] for path in data.recordings],
        },
        lambda folder: labelling.label(settings, data.recordings, folder, config.processes),
    )
    sets = [labels.folder / path.stem for path in data.recordings]
    against = [last.labels.folder / path.stem for path in data.recordings] if last and config.relabel.against else []
    selection = config.selection(number)
    told(f"round {number}: selecting")
    selected = steps.run(
        f"select-{number}",
        {
            "select": selection.model_dump(mode="json"),
            "labels": labels.folder.name,
            "against": last.labels.folder.name if last and against else None,
        },
        lambda folder: work.select(sets, against, selection, folder),
    )
    told(f"round {number}: training")
    recipe = recipe_of(config, selected.folder / "set", last.trained.folder / "run" if last else None)
    plain = recipe_of(config, Path("set"), Path("before") if last else None).model_dump(mode="json")
    trained = steps.run(
        f"train-{number}",
        {
            "recipe": plain,
            "set": selected.folder.name,
            "before": last.trained.folder.name if last else None,
            **({} if last else contents(recipe.student.initial, recipe.distillation.teacher)),
        },
        lambda folder: work.train(recipe, folder),
    )
    exported = steps.run(
        f"export-{number}",
        {"run": trained.folder.name, "export": config.export.model_dump(mode="json")},
        lambda folder: work.export(config, trained.folder / "run", folder / f"student-{number}.onnx"),
    )
    told(f"round {number}: judging")
    judged = steps.run(
        f"judge-{number}",
        {"student": exported.folder.name, "truth": data.identity},
        lambda folder: work.judge_student(
            model_of(exported), data.truth, folder, f"round {number}", whole_only=not teacher.parsed_prompts().parts
        ),
    )
    return Round(labels, selected, trained, exported, judged)


def _weights(settings: LabelSettings) -> dict[str, Any]:
    """What the files are that a teacher's checkpoints name, where these are paths."""
    return contents(settings.detector.checkpoint, settings.segmenter.checkpoint)


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
