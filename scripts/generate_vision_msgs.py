#!/usr/bin/env python3
"""Build Python bindings of `interfaces/vision_msgs` into the virtual environment that runs this program.

There is no vision_msgs wheel, but the wheels of rclpy bring the rosidl generators, so the way of a ROS build is open
without CMake: .msg -> .idl -> type hashes -> C structs, three type supports and Python classes -> gcc -> libraries.
The result lies where a ROS installation would put it: `lib/`, `share/vision_msgs/`, the ament index, site-packages.

    .venv/bin/python scripts/generate_vision_msgs.py            # nothing is done where vision_msgs is there already
    .venv/bin/python scripts/generate_vision_msgs.py --force    # build again

It needs gcc, g++ and the headers of Python (Debian: `apt install g++ python3-dev`) and takes some 10 s.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "vision_msgs"
SOURCE = Path(__file__).resolve().parent.parent / "interfaces" / PACKAGE
PREFIX = Path(sys.prefix)
SITE_PACKAGES = Path(sysconfig.get_path("platlib"))
SHARE = PREFIX / "share" / PACKAGE
STAMP = SHARE / "generated_from.sha256"

# Interface packages whose fields ours contain, directly or through another message.
DEPENDENCIES = ("builtin_interfaces", "geometry_msgs", "std_msgs")

# rmw_fastrtps asks for fastrtps_c and registers no type without introspection_c; typesupport_c picks between the two.
TYPE_SUPPORTS = ("rosidl_typesupport_c", "rosidl_typesupport_fastrtps_c", "rosidl_typesupport_introspection_c")

log = logging.getLogger("generate_vision_msgs")


class GenerationError(RuntimeError):
    """The bindings cannot be built here; the message says why and what cures it."""


@dataclass(frozen=True)
class Library:
    """One shared library: its file, its generated sources by kind, the kinds of rosidl libraries that it calls."""

    file: Path
    sources: tuple[tuple[Path, ...], ...]
    needs: tuple[str, ...]
    calls_python: bool = False


def main() -> int:
    """Build and install unless it was done before from the same sources; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--force", action="store_true", help="build even if vision_msgs is there and up to date")
    force = parser.parse_args().force
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        if not force and provided_elsewhere():
            log.info("vision_msgs: provided by a ROS installation, nothing to generate")
        elif not force and up_to_date():
            log.info("vision_msgs: up to date in %s", PREFIX)
        else:
            build_and_install()
            log.info("vision_msgs: generated into %s", PREFIX)
    except GenerationError as error:
        log.error("vision_msgs: %s", error)
        return 1
    return 0


def provided_elsewhere() -> bool:
    """Whether `import vision_msgs` finds a package that is not ours (a sourced ROS, a workspace)."""
    spec = importlib.util.find_spec(PACKAGE)
    return spec is not None and spec.origin is not None and SITE_PACKAGES not in Path(spec.origin).parents


def up_to_date() -> bool:
    """Whether the installed bindings were generated from these very sources."""
    return (SITE_PACKAGES / PACKAGE).is_dir() and STAMP.is_file() and STAMP.read_text().strip() == fingerprint()


def fingerprint() -> str:
    """Return the sha256 of all that the bindings depend on: interfaces, this program, Python, the generators."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (*interface_files(), Path(__file__)):
        digest.update(path.name.encode() + path.read_bytes())
    for info in sorted(SITE_PACKAGES.glob("ros_rosidl_*.dist-info")):
        digest.update(info.name.encode())
    return digest.hexdigest()


def interface_files() -> list[Path]:
    return sorted((SOURCE / "msg").glob("*.msg"))


def build_and_install() -> None:
    check_tools()
    # Inside the prefix, so that installing is a rename on one file system and never a half-copied file.
    with tempfile.TemporaryDirectory(prefix="vision_msgs-", dir=PREFIX) as folder:
        build = Path(folder)
        generate_sources(build)
        compile_libraries(build)
        install(build)


def check_tools() -> None:
    """Raise GenerationError, with the cure, for a missing compiler, header or wheel."""
    for tool in ("gcc", "g++"):
        if shutil.which(tool) is None:
            raise GenerationError(f"{tool} was not found; on Debian or Ubuntu: apt install g++")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise GenerationError(f"{header} was not found; on Debian or Ubuntu: apt install python{version}-dev")
    if importlib.util.find_spec("rosidl_generator_py") is None:
        raise GenerationError("the rosidl generators are missing; install the ROS wheels: make setup")


def generate_sources(build: Path) -> None:
    """Write .idl, type descriptions, C and Python sources to `generated`, `introspection` and `py` of `build`."""
    # The generators find their templates through the ament index of the prefix.
    os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join([str(PREFIX), *filter(None, [os.getenv("AMENT_PREFIX_PATH")])])
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_generator_type_description.cli import HashTypeDescription
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport
    from rosidl_typesupport_introspection_c.cli import GenerateIntrospectionCTypesupport

    generated = build / "generated" / PACKAGE
    includes = [str(PREFIX / "share" / name) for name in DEPENDENCIES]
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        for path in interface_files():
            convert_msg_to_idl(SOURCE, PACKAGE, path.relative_to(SOURCE), generated / "msg")
        idl = [f"{generated}:msg/{path.stem}.idl" for path in interface_files()]
        # Its own messages refer to each other: the folder of the .idl files is an include path, too.
        includes.append(str(generated))
        descriptions = HashTypeDescription("description").generate_type_hashes(PACKAGE, idl, includes, generated)
        GenerateC("c").generate(PACKAGE, idl, includes, generated, descriptions)
        GenerateCTypesupport("c", typesupport_implementations=list(TYPE_SUPPORTS[1:])).generate(
            PACKAGE, idl, includes, generated
        )
        GenerateFastRTPSCTypesupport("fastrtps_c").generate(PACKAGE, idl, includes, generated)
        # introspection_c names its files as generator_c does: it gets a directory of its own.
        GenerateIntrospectionCTypesupport("introspection_c").generate(
            PACKAGE, idl, includes, build / "introspection" / PACKAGE
        )
        GeneratePython("py", typesupport_implementations=list(TYPE_SUPPORTS)).generate(
            PACKAGE, idl, includes, build / "py" / PACKAGE
        )
    (build / "py" / PACKAGE / "__init__.py").touch()


def libraries(build: Path) -> list[Library]:
    """Return the libraries of the package in the order in which they link against each other."""
    detail = build / "generated" / PACKAGE / "msg" / "detail"
    python = build / "py" / PACKAGE
    lib = build / "lib"

    def ours(kind: str, sources: Iterable[Iterable[Path]], *needs: str) -> Library:
        kinds = tuple(tuple(sorted(paths)) for paths in sources)
        return Library(lib / f"lib{PACKAGE}__{kind}.so", kinds, (*needs, kind), "_py" in kind)

    structs = [detail.glob(f"*__{suffix}.c") for suffix in ("description", "functions", "type_support")]
    dispatch = (build / "generated" / PACKAGE / "msg").glob("*__type_support.cpp")
    introspection = (build / "introspection" / PACKAGE / "msg" / "detail").glob("*__type_support.c")
    return [
        ours("rosidl_generator_c", structs),
        ours("rosidl_typesupport_fastrtps_c", [detail.glob("*__type_support_c.cpp")], "rosidl_generator_c"),
        ours("rosidl_typesupport_introspection_c", [introspection], "rosidl_generator_c"),
        ours("rosidl_typesupport_c", [dispatch], "rosidl_generator_c"),
        ours("rosidl_generator_py", [(python / "msg").glob("*_s.c")], "rosidl_generator_c", "rosidl_typesupport_c"),
        *(extension_module(python, name) for name in TYPE_SUPPORTS),
    ]


def extension_module(python: Path, type_support: str) -> Library:
    """Return the module through which rclpy gets the type support of each Python message class."""
    source = python / f"_{PACKAGE}_s.ep.{type_support}.c"
    needs = ("rosidl_generator_c", "rosidl_generator_py", "rosidl_typesupport_c", type_support)
    return Library(python / f"{PACKAGE}_s__{type_support}.so", ((source,),), needs, calls_python=True)


def compile_libraries(build: Path) -> None:
    """Compile every source, on all cores, then link the libraries in order."""
    (build / "lib").mkdir()
    (build / "objects").mkdir()
    products = libraries(build)
    for library in products:
        if not all(library.sources):
            raise GenerationError(f"the generators wrote no source for {library.file.name}: which version are they?")
    kinds = [sources for library in products for sources in library.sources]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        objects = dict(zip(kinds, pool.map(lambda sources: compile_together(sources, build), kinds), strict=True))
    for library in products:
        link(library, [path for sources in library.sources for path in objects[sources]], build)


def compile_together(sources: tuple[Path, ...], build: Path) -> list[Path]:
    """Compile sources of one kind at once: most of the work is in their headers, which are the same.

    Those that repeat each other's names, as the descriptions do that hold the same messages, are compiled one by one.
    """
    if len(sources) > 1:
        together = build / "together" / sources[0].relative_to(build)
        together.parent.mkdir(parents=True, exist_ok=True)
        together.write_text("".join(f'#include "{source}"\n' for source in sources))
        with suppress(GenerationError):
            return [compile_source(together, build)]
    return [compile_source(source, build) for source in sources]


def compile_source(source: Path, build: Path) -> Path:
    import numpy

    roots = [build / "generated", *([build / "introspection"] if "introspection" in source.parts else [])]
    headers = [Path(sysconfig.get_path("include")), Path(numpy.get_include())]
    headers += sorted(path for path in (PREFIX / "include").iterdir() if path.is_dir())
    target = build / "objects" / (hashlib.sha256(str(source).encode()).hexdigest()[:16] + ".o")
    command = ["g++" if source.suffix == ".cpp" else "gcc", "-O1", "-fPIC", "-w", "-c", str(source), "-o", str(target)]
    run(
        [*command, *(f"-I{path}" for path in [*reversed(roots), PREFIX / "include", *headers])],
        f"compile {source.name}",
    )
    return target


def link(library: Library, objects: list[Path], build: Path) -> None:
    """Link one library against ours that were linked before it and, by the same kind, those of the dependencies."""
    ours = [build / "lib" / f"lib{PACKAGE}__{kind}.so" for kind in library.needs]
    theirs = [PREFIX / "lib" / f"lib{name}__{kind}.so" for kind in library.needs for name in DEPENDENCIES]
    packages = [path for path in (*ours, *theirs) if path.exists() and path != library.file]
    runtime = ["rosidl_runtime_c", "rosidl_typesupport_c", "rosidl_typesupport_fastrtps_c", "fastcdr", "rcutils", "rmw"]
    runtime += ["rosidl_typesupport_fastrtps_cpp", "rosidl_typesupport_introspection_c"]
    command = ["g++", "-shared", "-o", str(library.file), *map(str, objects), "-Wl,--as-needed"]
    # The wheels' libraries refer to bundled copies of others, which are found through LD_LIBRARY_PATH when they load.
    command += ["-Wl,--allow-shlib-undefined", *([] if library.calls_python else ["-Wl,--no-undefined"])]
    command += [f"-L{build / 'lib'}", f"-L{PREFIX / 'lib'}", *(f"-l{path.stem[3:]}" for path in packages)]
    run([*command, *(f"-l{name}" for name in runtime)], f"link {library.file.name}")


def run(command: list[str], what: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise GenerationError(f"cannot {what} (exit code {result.returncode}):\n{result.stderr.strip()[-3000:]}")


def install(build: Path) -> None:
    """Move the results into the prefix; the Python package comes last, so that an import finds all or nothing."""
    share = build / "share"
    shutil.copytree(build / "generated" / PACKAGE / "msg", share / "msg", ignore=only_interfaces)
    for path in interface_files():
        shutil.copy(path, share / "msg")
    shutil.copy(SOURCE / "package.xml", share)
    (share / STAMP.name).write_text(fingerprint() + "\n")
    lines = [f"msg/{path.stem}{suffix}" for path in interface_files() for suffix in (".idl", ".msg")]
    index = PREFIX / "share" / "ament_index" / "resource_index"
    for library in (build / "lib").iterdir():
        library.replace(PREFIX / "lib" / library.name)
    swap(share, SHARE, build)
    write_atomically(index / "rosidl_interfaces" / PACKAGE, "\n".join(lines))
    write_atomically(index / "package_run_dependencies" / PACKAGE, ";".join(DEPENDENCIES))
    write_atomically(index / "packages" / PACKAGE, "")
    swap(build / "py" / PACKAGE, SITE_PACKAGES / PACKAGE, build)


def only_interfaces(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith((".idl", ".json"))]


def swap(new: Path, target: Path, build: Path) -> None:
    """Put the folder `new` in the place of `target`; what lay there goes away with the build folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(build / f"old-{target.parent.name}")
    new.rename(target)


def write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
