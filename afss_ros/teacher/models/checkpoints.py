"""Weights by Hub name or local path: found without a network where they are local, pinned, hashed, never unpickled.

A checkpoint is a folder as `save_pretrained` or `hf download` makes it. It is looked for

1. at the path itself;
2. in `$AFSS_CHECKPOINTS/<name>` (default `models/teachers/<name>`), with the Hub's owner left out or in;
3. in the local cache of the Hub, at the pinned revision;
4. on the Hub, only with `--download`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from afss_ros.teacher.errors import TeacherError

_WANTED = ("*.safetensors", "*.json", "*.txt", "*.model")
_CHUNK = 1 << 22
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
LOCAL = "local"
"""The revision of weights that came from no Hub."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """What the person who runs this has agreed to.

    Attributes:
        download: fetch missing weights from the Hub.
        accept_licence: the notice of a model with a licence of its own (SAM 3) has been read and accepted.
    """

    download: bool = False
    accept_licence: bool = False


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights on this machine.

    Attributes:
        name: as asked for, a Hub name or a folder's name.
        path: the folder (or the file) to load from.
        revision: the Hub's commit, or `LOCAL`.
        sha256: over the names and contents of the weight files.
    """

    name: str
    path: Path
    revision: str
    sha256: str

    @property
    def provenance(self) -> dict[str, object]:
        """For manifests; the same on every machine that has these weights."""
        return {"checkpoint": self.name, "revision": self.revision, "sha256": self.sha256}


def find_folder(name: str, revision: str = "", access: Access = Access()) -> Checkpoint:
    """The checkpoint folder of a transformers model.

    Args:
        name: a Hub name such as `IDEA-Research/grounding-dino-tiny`, or a path.
        revision: a commit of the Hub; empty takes what is at hand, or the newest, and records its commit.

    Raises:
        TeacherError: not on this machine (says what to download and where to put it), without safetensors, or here in
            another revision than is asked for.
    """
    for folder in _local_places(name):
        if (folder / "config.json").is_file():
            revised = _local_revision(name, folder, revision)
            return Checkpoint(_plain_name(name), folder, revised, _hash(_weights(folder)))
    folder = _from_hub(name, revision, access)
    if not revision:
        _log.warning(
            "%s is not pinned: its commit here is %s. This set is held to it; to hold others to it too, set the"
            " revision beside the checkpoint's name",
            name,
            folder.name,
        )
    return Checkpoint(name, folder, folder.name, _hash(_weights(folder)))


def find_file(name: str, url: str) -> Checkpoint:
    """A single checkpoint file, such as Meta's `sam2.1_hiera_large.pt`.

    Args:
        name: a path, or a file's name in `$AFSS_CHECKPOINTS`.
        url: where a person can download it, for the message.

    Raises:
        TeacherError: it is not on this machine.
    """
    for path in _local_places(name):
        if path.is_file():
            return Checkpoint(path.name, path, LOCAL, _hash([path]))
    target = _checkpoint_root() / Path(name).name
    raise TeacherError(f"no weights {name} here; download {url} and put it at {target}, or give its path")


def _local_places(name: str) -> list[Path]:
    root = _checkpoint_root()
    return [Path(name).expanduser(), root / name, root / Path(name).name]


def _local_revision(name: str, folder: Path, wanted: str) -> str:
    """The revision of a local folder, as far as it is asked for; `hf download --local-dir` leaves the commit there.

    Raises:
        TeacherError: the folder holds another commit.
    """
    if not wanted:
        return LOCAL
    notes = sorted((folder / ".cache" / "huggingface" / "download").rglob("*.metadata"))
    commits = sorted({note.read_text().partition("\n")[0].strip() for note in notes})
    if len(commits) == 1 and commits[0].startswith(wanted):
        return commits[0]
    if commits and _COMMIT.fullmatch(wanted):
        raise TeacherError(
            f"revision {wanted} of {name} is asked for, and {folder}, which goes before the Hub, holds"
            f" {' and '.join(commits)}; move that folder away, or ask for what it holds"
        )
    _log.warning(
        "revision %s of %s is asked for, and %s is used, which goes before the Hub: whether it is that revision cannot"
        " be told. Its hash is recorded; to be sure, move the folder away, or give its path and no revision",
        wanted,
        name,
        folder,
    )
    return LOCAL


def _checkpoint_root() -> Path:
    return Path(os.environ.get("AFSS_CHECKPOINTS", "models/teachers"))


def _plain_name(name: str) -> str:
    return Path(name).expanduser().resolve().name if Path(name).expanduser().exists() else name


def _from_hub(name: str, revision: str, access: Access) -> Path:
    looks_like_hub = name.count("/") == 1 and not name.startswith((".", "/", "~"))
    target = _checkpoint_root() / Path(name).name
    pinned = f" --revision {revision}" if revision else ""
    cure = (
        f"run again with --download; or, where there is a network, `hf download {name}{pinned} --local-dir {target}`"
        f" and copy that folder to {target} here"
        if looks_like_hub
        else "give a Hub name (owner/name) or the path of a folder with config.json and *.safetensors"
    )
    if looks_like_hub:
        from huggingface_hub import snapshot_download

        try:
            return Path(
                snapshot_download(
                    name,
                    revision=revision or None,
                    allow_patterns=list(_WANTED),
                    local_files_only=not access.download,
                )
            )
        except Exception as error:  # the Hub's client raises errors of several packages
            reason = f" ({type(error).__name__}: {error})" if access.download else ""
            raise TeacherError(f"no weights of {name} on this machine{reason}; {cure}") from error
    raise TeacherError(f"no weights at {name}; {cure}")


def _weights(folder: Path) -> list[Path]:
    """The weight files to hash and load.

    Raises:
        TeacherError: there are none in safetensors form: pickles can run code when they are opened.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise TeacherError(
            f"{folder} has no *.safetensors; pickled weights are not opened. Convert them once where you trust them:"
            " AutoModel.from_pretrained(...).save_pretrained(...)"
        )
    return files


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
