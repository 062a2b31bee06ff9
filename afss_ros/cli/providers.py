"""`afss check-model`, `arrange` and `compile`: where a student runs on this machine, and how it is made to fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afss_ros.terminal import say


def check_model(
    model: Annotated[Path, typer.Argument(help="A student, an .onnx.", show_default=False)],
    provider: Annotated[str, typer.Option("--provider", help="auto, cpu, cuda, tensorrt or openvino.")] = "auto",
    device_id: Annotated[int, typer.Option("--device-id", min=0, help="Which of several devices.")] = 0,
    fp16: Annotated[bool, typer.Option("--fp16", help="Let TensorRT compute in half precision.")] = False,
    workspace_mib: Annotated[int, typer.Option("--workspace-mib", min=0, help="MiB of device memory; 0: any.")] = 0,
    binding: Annotated[str, typer.Option("--binding", help="host, device or graph.")] = "host",
    options: Annotated[str, typer.Option("--options", help="ONNX Runtime's own: name=value, with commas.")] = "",
    max_cpu_share: Annotated[
        float, typer.Option("--max-cpu-share", min=0.0, max=1.0, help="Of the nodes; with more it is refused.")
    ] = 0.1,
    integrity: Annotated[
        str, typer.Option("--integrity", help="verify, require or warn: see its manifest.")
    ] = "verify",
    times: Annotated[bool, typer.Option("--times", help="Also measure which operators take how long.")] = False,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Of that measurement.")] = 10,
    cameras: Annotated[int, typer.Option("--cameras", min=1, help="Also measure looks of so many in one run.")] = 1,
) -> None:
    """Load a student as the node would, and tell which nodes of its graph run on which provider.

    Ends with 1 where the node would refuse it: a file that contradicts its manifest, a broken contract, a provider that
    does not start or leaves too much to the CPU, a known answer that is not given.
    """
    from afss_ros.student import Student
    from afss_ros.student.providers import batches, graph_fit, profile
    from afss_ros.student.providers.placement import CANNOT_TELL
    from afss_ros.student.providers.settings import ProviderSettings, parse_options

    settings = ProviderSettings(
        device_id=device_id,
        fp16=fp16,
        workspace_mib=workspace_mib,
        binding=binding,
        options=parse_options(options),
        max_cpu_share=max_cpu_share,
    )
    with Student(model, provider=provider, integrity=integrity, provider_settings=settings, batch=cameras) as student:
        say(f"{model}: {student.contract.family}, sha256 {student.sha256}")
        say("manifest: " + (student.warning or ("none" if student.manifest is None else "agrees")))
        for better, why in student.passed_over.items():
            say(f"not on {better}: {why}")
        say(f"runs on {student.provider}, bound to {student.binding} memory")
        placed = student.placement
        if placed is None:
            say(f"which nodes run where is not known: {CANNOT_TELL}")
        else:
            for name, count in placed.counts.items():
                share = count / placed.total
                say(f"  {count} of {placed.total} nodes ({share:.1%}) on {name}: {placed.operators(name)}")
        for advice in graph_fit.read(model.read_bytes()).advice:
            say(f"advice: {advice}")
        student.warm_up(1)
        say("known answer: " + ("given" if student.prove() else "none to ask for; afss manifest --image writes one"))
        chosen = student.provider
        if cameras > 1:
            found = student.measure_batch(runs)
            say(f"looks of {cameras} cameras: " + (found or f"one by one: {batches.WHY_NOT}"))
    if times:
        spent = profile.measure(model, provider=chosen, settings=settings, runs=runs)
        for name, ms in spent.providers.items():
            say(f"  {ms:.2f} ms of a run on {name}")
        for (name, operator), ms in list(spent.operators.items())[:10]:
            say(f"    {ms:.2f} ms {operator} ({name})")


def arrange(
    model: Annotated[Path, typer.Argument(help="A student, an .onnx.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Where the arranged one goes.", show_default=False)],
    free_batch: Annotated[
        bool, typer.Option("--free-batch", help="Let looks of several cameras share a run on CUDA.")
    ] = False,
) -> None:
    """Rearrange a student's graph so that one provider can take all of it; its answers stay the same to the bit."""
    from afss_ros.distill.export.arrange import arranged
    from afss_ros.distill.export.batch_axis import freed
    from afss_ros.student import Student, manifest
    from afss_ros.student.durable import put

    with Student(model, provider="cpu") as student:
        known = student.manifest.known_answer if student.manifest is not None else None
    content, changed = arranged(model.read_bytes())
    content = freed(content) if free_batch else content
    put(out, content)
    manifest.write(out, manifest.of_file(out, known))
    with Student(out, provider="cpu") as student:
        student.prove()
    free = ", its batch axis is free" if free_batch else ""
    say(f"{out}: {changed} inputs are cast first now{free}; with a manifest")


def compile_student(
    model: Annotated[Path, typer.Argument(help="A student, an .onnx.", show_default=False)],
    provider: Annotated[str, typer.Option("--provider", help="tensorrt, cuda or openvino.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="Else <name>.<provider>.onnx beside it.", show_default=False)
    ] = None,
    device_id: Annotated[int, typer.Option("--device-id", min=0, help="Which of several devices.")] = 0,
    fp16: Annotated[bool, typer.Option("--fp16", help="Let TensorRT compute in half precision.")] = False,
    options: Annotated[str, typer.Option("--options", help="ONNX Runtime's own: name=value, with commas.")] = "",
) -> None:
    """Compile a student for the device that this machine has, to be loaded in flight without compiling.

    What was compiled must give the known answer; it gets a manifest of its own, and names the file that it was made of.
    """
    from afss_ros.student import Student, manifest
    from afss_ros.student.durable import put
    from afss_ros.student.providers.compiled import compile_model
    from afss_ros.student.providers.settings import ProviderSettings, parse_options

    settings = ProviderSettings(device_id=device_id, fp16=fp16, options=parse_options(options))
    with Student(model, provider="cpu") as student:
        known = student.manifest.known_answer if student.manifest is not None else None
    content, made = compile_model(model, provider, settings)
    target = out or model.with_name(f"{model.stem}.{provider}.onnx")
    unproven = target.with_name(f".unproven.{target.name}")
    try:
        put(unproven, content)
        manifest.write(unproven, manifest.of_file(unproven, known))
        with Student(unproven, provider=provider, provider_settings=ProviderSettings(device_id=device_id)) as student:
            proven = student.prove()
            placed = student.placement
        put(target, content)
        manifest.write(target, manifest.of_file(target, known))
    finally:
        for path in (unproven, manifest.path_of(unproven)):
            path.unlink(missing_ok=True)
    said = "its known answer is given" if proven else "without a known answer"
    say(f"{target}: {made.provider} of {made.sha256[:16]}..., {placed}, {said}")
