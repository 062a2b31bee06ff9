"""Files in object stores (s3://, gs://, whatever fsspec speaks), worked on as files of this machine.

What is read comes into a cache, once for each machine, and stays there until others need the room. A folder that is
written is worked on in the cache too: what is finished is put into the store, file by file, and a store shows a file
whole or not at all.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from afss_ros.cluster.work import ClusterError
from afss_ros.extras import explained

_GB = 1_000_000_000
_ROOM_GB = 100.0


def is_url(text: str | Path) -> bool:
    """Whether this is in a store.

    >>> is_url("s3://bucket/flight.mcap"), is_url("recordings/flight.mcap")
    (True, False)
    """
    return "://" in str(text)


def cache() -> Path:
    """Where this machine keeps what came from stores: AFSS_CACHE, or below the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("AFSS_CACHE") or Path(home, "afss_ros", "stores"))


def expanded(names: Iterable[str]) -> list[str]:
    """The names, and in place of a URL with wildcards all that match, in order.

    Raises:
        ClusterError: nothing matches, or the store cannot be reached.
    """
    found: list[str] = []
    for name in names:
        if not is_url(name) or not any(mark in name for mark in "*?["):
            found.append(name)
            continue
        system, path = _opened(name)
        protocol = name.partition("://")[0]
        matches = sorted(str(match) for match in _asked(system.glob, path, name=name))
        if not matches:
            raise ClusterError(f"{name}: nothing matches")
        found += [f"{protocol}://{match.lstrip('/') if protocol != 'file' else match}" for match in matches]
    return found


def local(name: str | Path) -> Path:
    """Where a file or folder of a store lies on this machine; it is fetched unless it is there as it is in the store.

    Raises:
        ClusterError: it is not in the store, or cannot be fetched.
    """
    if not is_url(name):
        return Path(name)
    name = str(name)
    system, path = _opened(name)
    files = _files(system, path, name)
    target = _home(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers of this machine one fetches
        _fetch(system, path, name, files, target)
    return target


def _fetch(system: Any, path: str, name: str, files: dict[str, list[str]], target: Path) -> None:
    mark = target.parent / "fetched.json"
    if target.exists() and mark.exists() and json.loads(mark.read_text()) == files:
        os.utime(mark)
        return
    partial = Path(tempfile.mkdtemp(prefix=".fetching-", dir=target.parent))
    try:
        for relative in files:
            place = partial / target.name / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            _asked(system.get_file, f"{path}/{relative}" if relative else path, str(place), name=name)
        _replace(partial / target.name, target)
        mark.write_text(json.dumps(files))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    make_room(cache(), float(os.environ.get("AFSS_CACHE_GB", _ROOM_GB)) * _GB, keep=target.parent)


def make_room(root: Path, room: float, keep: Path) -> None:
    """Remove what was used longest ago until the cache takes no more than `room` bytes.

    Args:
        keep: what is not removed.
    """
    entries = sorted((mark.stat().st_mtime, mark.parent) for mark in root.glob("in/*/fetched.json"))
    sizes = {entry: sum(f.stat().st_size for f in entry.rglob("*") if f.is_file()) for _, entry in entries}
    total = sum(sizes.values())
    for _, entry in entries:
        if total <= room:
            return
        if entry != keep:
            shutil.rmtree(entry, ignore_errors=True)  # a file that is open stays until it is closed
            total -= sizes[entry]


@contextmanager
def worked_on(name: str | Path, first: Sequence[str]) -> Iterator[tuple[Path, Folder]]:
    """A folder to write to, by path or URL: where it is worked on, and the folder; at the end the store has it all.

    Args:
        first: what is fetched beforehand, where this machine has not worked on it before.
    """
    folder = Folder.of(name)
    if not is_url(name):
        yield Path(name), folder
        return
    folder.fetch(within=first)
    try:
        yield folder.path, folder
    finally:  # stopped or not: another machine may go on
        if folder.path.exists():
            folder.publish_all()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to write to, on a file system or in a store; travels between processes.

    Attributes:
        given: its path, absolute, or its URL.
    """

    given: str

    @classmethod
    def of(cls, name: str | Path) -> Folder:
        """A folder by path or URL."""
        return cls(str(name).rstrip("/") if is_url(name) else str(Path.cwd() / name))

    @property
    def path(self) -> Path:
        """Where it is worked on."""
        return _home(self.given, "out") if is_url(self.given) else Path(self.given)

    def publish(self, names: Iterable[str]) -> None:
        """Put files of the folder into the store; nothing to do on a file system.

        Raises:
            ClusterError: the store refuses.
        """
        if not is_url(self.given):
            return
        system, path = _opened(self.given)
        for name in names:
            _asked(system.put_file, str(self.path / name), f"{path}/{name}", name=self.given)

    def publish_all(self) -> None:
        """Put all that the store lacks, or has with another size, or whose content may have changed."""
        if not is_url(self.given):
            return
        there = self._there()
        names = sorted(str(f.relative_to(self.path)) for f in self.path.rglob("*") if f.is_file() and f.name[0] != ".")
        fixed = ("images/", "labels/", "components/", "thumbs/")
        self.publish(
            name for name in names if there.get(name) != (self.path / name).stat().st_size or not name.startswith(fixed)
        )

    def fetch(self, *, within: Sequence[str] = ()) -> None:
        """Get what the store has and this machine lacks.

        Args:
            within: only these names; all files where there are none.
        """
        if not is_url(self.given):
            return
        system, path = _opened(self.given)
        for name in self._there():
            place = self.path / name
            if place.exists() or (within and name not in within):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name}.{os.getpid()}")
            _asked(system.get_file, f"{path}/{name}", str(temporary), name=self.given)
            temporary.replace(place)

    def _there(self) -> dict[str, int]:
        system, path = _opened(self.given)
        _asked(system.invalidate_cache, name=self.given)
        found = _asked(system.find, path, name=self.given, detail=True)
        return {str(PurePosixPath(key).relative_to(path)): int(facts["size"]) for key, facts in found.items()}


def _opened(name: str) -> tuple[Any, str]:
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(name)
    except ImportError as error:
        raise ClusterError(f"{name}: {explained(error, 'cluster') or error}") from error
    except (ValueError, OSError) as error:
        raise ClusterError(f"{name}: {error}") from error
    return system, str(path).rstrip("/")


def _asked(call: Any, *arguments: Any, name: str, **options: Any) -> Any:
    try:
        return call(*arguments, **options)
    except FileNotFoundError as error:
        raise ClusterError(f"{name}: is not in the store ({error})") from error
    except OSError:
        raise  # a full disk, for one, says what it is
    except Exception as error:  # each store has exceptions of its own
        raise ClusterError(f"{name}: the store refuses ({type(error).__name__}: {error})") from error


def _files(system: Any, path: str, name: str) -> dict[str, list[str]]:
    """Files by their place below `path` ("" for a file itself), and what tells whether they have changed."""
    _asked(system.invalidate_cache, name=name)
    if _asked(system.isdir, path, name=name):
        found = _asked(system.find, path, name=name, detail=True)
        if not found:
            raise ClusterError(f"{name}: is not in the store")
        return {str(PurePosixPath(key).relative_to(path)): _version(facts) for key, facts in sorted(found.items())}
    return {"": _version(_asked(system.info, path, name=name))}


def _version(facts: dict[str, Any]) -> list[str]:
    return [str(facts.get(key, "")) for key in ("size", "ETag", "etag", "LastModified", "mtime", "generation")]


def _home(name: str, kind: str = "in") -> Path:
    """A place of its own in the cache, under its own name, which labels carry."""
    stem = PurePosixPath(name.partition("://")[2]).name or "store"
    return cache() / kind / hashlib.sha256(name.encode()).hexdigest()[:16] / stem


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)
