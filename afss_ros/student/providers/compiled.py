"""Students that a provider has compiled on the ground: loaded in flight in seconds, and refused when they are stale.

ONNX Runtime keeps what a provider compiled as nodes `EPContext` in an ordinary `.onnx`, with the student's metadata as
they were. An entry `afss.compiled` beside them says of which file it was made, for which provider, and by which ONNX
Runtime. It is read before ONNX Runtime sees the file: a compiled engine is a program for a device.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import onnxruntime as ort

from afss_ros.student.errors import ProviderError, StudentError
from afss_ros.student.onnx_bytes import fields
from afss_ros.student.providers import graph_fit, plugins
from afss_ros.student.providers import options as told
from afss_ros.student.providers.settings import ProviderSettings
from afss_ros.student.runtime import PROVIDERS, plugin_device, session_options

ENTRY = "afss.compiled"
_METADATA, _KEY, _VALUE, _BYTES = 14, 1, 2, 2
"""Of onnx.proto: the model's entries, their two texts; and the wire's kind of a field with a length."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiled student says of where it comes from.

    Attributes:
        source: name of the student's file.
        sha256: of that file.
        provider: that compiled it, and alone can run it.
        onnxruntime: version by which.
    """

    source: str
    sha256: str
    provider: str
    onnxruntime: str


def read(model: bytes) -> Compiled | None:
    """What a file says of having been compiled; None where it was not.

    Raises:
        StudentError: it holds compiled parts and does not say whose, or says it wrongly.
    """
    entry = _entry(model)
    if entry is None:
        if graph_fit.read(model).contexts:
            raise StudentError(f"it has parts that a provider compiled, but no entry {ENTRY}; make it by afss compile")
        return None
    try:
        found = json.loads(entry)
        compiled = Compiled(**{name: str(found[name]) for name in ("source", "sha256", "provider", "onnxruntime")})
    except (ValueError, KeyError, TypeError) as error:
        raise StudentError(f"its entry {ENTRY} cannot be read ({error}); make it anew by afss compile") from error
    return compiled


def provider_of(model: bytes, path: Path, provider: str) -> str:
    """The provider to run a student on: the one asked for, or for a compiled one and "auto", the one it is for.

    Raises:
        StudentError: it is stale: compiled by another ONNX Runtime, or of another file than lies beside it under its
            source's name.
        ProviderError: it is for another provider than the one asked for.
    """
    try:
        compiled = read(model)
    except StudentError as error:
        raise StudentError(f"{path}: {error}") from error
    if compiled is None:
        return provider
    if provider not in ("auto", compiled.provider):
        raise ProviderError(
            f"{path} is compiled for {compiled.provider}, not for {provider}; ask for that, or for auto"
        )
    again = f"compile it again: afss compile {compiled.source} --provider {compiled.provider}"
    if compiled.onnxruntime != ort.__version__:
        raise StudentError(
            f"{path} is stale: compiled by onnxruntime {compiled.onnxruntime}, and this is {ort.__version__}; {again}"
        )
    source = path.with_name(Path(compiled.source).name)
    if source.is_file() and source != path and (now := _sha256(source)) != compiled.sha256:
        raise StudentError(
            f"{path} is stale: compiled of {source.name} as it was, {compiled.sha256[:16]}..., and beside it lies"
            f" {now[:16]}...; {again}"
        )
    return compiled.provider


def compile_model(
    path: Path, provider: str, settings: ProviderSettings | None = None, threads: int = 0
) -> tuple[bytes, Compiled]:
    """Let a provider compile a student for the device that it has here.

    Returns:
        The compiled student, and what it says of itself.

    Raises:
        ProviderError: the provider is not here, or compiles nothing.
        StudentError: the file cannot be compiled.
    """
    if provider not in PROVIDERS or provider == "cpu":
        able = ", ".join(name for name in PROVIDERS if name != "cpu")
        raise ProviderError(f"provider must be one that compiles ({able}), got {provider!r}")
    model = path.read_bytes()
    wanted, settings = PROVIDERS[provider], replace(settings or ProviderSettings(), cache_mib=0)
    own, options = told.of(provider, settings, model), session_options(threads)
    if provider in plugins.PLUGINS:
        plugins.register(provider, wanted)
        options.add_provider_for_devices([plugin_device(provider, settings.device_id)], own)
    elif wanted in ort.get_available_providers():
        options.add_provider(wanted, own)
    else:
        raise ProviderError(f"this onnxruntime has no {wanted} (it has {', '.join(ort.get_available_providers())})")
    if not hasattr(ort, "ModelCompiler"):
        raise ProviderError(f"onnxruntime {ort.__version__} compiles no models; 1.23 and newer do")
    try:
        content = ort.ModelCompiler(options, model, embed_compiled_data_into_model=True).compile_to_bytes()
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise StudentError(f"{wanted} cannot compile {path}: {' '.join(str(error).split())}") from error
    if not graph_fit.read(content).contexts:
        raise ProviderError(f"{wanted} compiled nothing of {path}")
    compiled = Compiled(path.name, hashlib.sha256(model).hexdigest(), provider, ort.__version__)
    return content + _as_entry(ENTRY, json.dumps(asdict(compiled))), compiled


def _entry(model: bytes) -> str | None:
    try:
        for number, value in fields(memoryview(model)):
            if number == _METADATA and isinstance(value, memoryview):
                pair = {n: bytes(text) for n, text in fields(value) if isinstance(text, memoryview)}
                if pair.get(_KEY) == ENTRY.encode():
                    return pair.get(_VALUE, b"").decode(errors="replace")
    except (IndexError, ValueError):  # ONNX Runtime says what is wrong with it
        pass
    return None


def _as_entry(key: str, value: str) -> bytes:
    """One more entry of a model's metadata: whatever is appended to a message of protocol buffers belongs to it."""
    pair = _field(_KEY, key.encode()) + _field(_VALUE, value.encode())
    return _field(_METADATA, pair)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
