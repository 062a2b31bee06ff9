"""What a run will take, before it begins: shards, hours, gigabytes, from a rate that was measured just now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from afss_ros.cluster.crew import Crew


@dataclass(frozen=True, slots=True)
class Trial:
    """A few items done on this machine, by one worker.

    Attributes:
        items: how many.
        seconds: that they took, without loading what is loaded once.
        read, written: bytes; of what is read as it lies on disk.
    """

    items: int
    seconds: float
    read: float = 0.0
    written: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take.

    Attributes:
        what: the items, such as `frames`.
        items, shards, workers: how many.
        trial: that says how long one of them takes.
        read, written: bytes in all.
        note: what the figures leave out; a sentence's end.
    """

    what: str
    items: int
    shards: int
    workers: int
    trial: Trial
    read: float
    written: float
    note: str = ""

    @property
    def hours(self) -> float:
        """Of all workers together at work."""
        return (
            self.items * self.trial.seconds / max(1, self.trial.items) / max(1, min(self.workers, self.shards)) / 3600
        )

    def __str__(self) -> str:
        rate = self.trial.items / max(1e-9, self.trial.seconds)
        workers = f"{self.workers} worker{'s' * (self.workers != 1)}"
        lines = (
            f"{self.items:,} {self.what} in {self.shards:,} shards",
            f"{_hours(self.hours)} on {workers} at {rate:.2f} {self.what}/s each,"
            f" measured just now on {self.trial.items} {self.what}, one worker on this machine",
            f"{_gigabytes(self.read)} to read, {_gigabytes(self.written)} to write{self.note}",
            "nothing was begun",
        )
        return "\n".join(lines)


def planned(
    what: str, items: int, shards: int, crew: Crew, trial: Trial, *, read: float | None = None, note: str = ""
) -> Estimate:
    """An estimate from a trial.

    Args:
        read: bytes to read in all, where that is known; else as of the trial.

    Raises:
        ClusterError: the crew's cluster does not answer.
    """
    scale = items / max(1, trial.items)
    total = trial.read * scale if read is None else read
    return Estimate(what, items, shards, crew.count(), trial, total, trial.written * scale, note)


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; 0 where there is none."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0


def ceil(items: int, each: int) -> int:
    """Pieces of `each` that `items` need.

    >>> ceil(9, 4)
    3
    """
    return -(-items // each)


def _gigabytes(count: float) -> str:
    """
    >>> _gigabytes(1.25e7), _gigabytes(2.5e12)
    ('0.013 GB', '2,500.0 GB')
    """
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e9:.3f} GB"


def _hours(hours: float) -> str:
    """
    >>> _hours(0.5), _hours(12.34), _hours(1234.9)
    ('30.0 minutes', '12.3 hours', '1,235 hours (51.5 days)')
    """
    if hours < 1:
        return f"{hours * 60:.1f} minutes"
    return f"{hours:.1f} hours" if hours < 100 else f"{hours:,.0f} hours ({hours / 24:.1f} days)"
