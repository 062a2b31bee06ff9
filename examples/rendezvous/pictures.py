"""What to look at afterwards: error and deviation over the flight, and a video of camera and filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.nodes.demo.pictures import write_video
from examples.rendezvous.flight import Log


def plot(path: Path, log: Log) -> None:
    """Error and 3-sigma of the position, and NEES, over the distance to the target."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    metres = np.array([np.linalg.norm(t[:3]) for t in log.truths])
    errors = np.array([b.mean[:3] - t[:3] for b, t in zip(log.beliefs, log.truths, strict=True)])
    deviations = np.array([np.sqrt(np.diag(b.covariance)[:3]) for b in log.beliefs])
    figure, axes = pyplot.subplots(4, 1, figsize=(9, 10), sharex=True)
    for i, (axis, name) in enumerate(zip(axes, ("x, up", "y, along the orbit", "z, across"), strict=False)):
        axis.fill_between(metres, -3 * deviations[:, i], 3 * deviations[:, i], alpha=0.25, label="3 sigma")
        axis.plot(metres, errors[:, i], lw=1, label="error")
        axis.set_yscale("symlog", linthresh=1.0)
        axis.set_ylabel(f"{name}, m")
    axes[0].legend()
    axes[3].semilogy(metres, np.array(log.nees) / 6, lw=1)
    axes[3].axhline(12.59 / 6, ls="--", lw=1)
    axes[3].set_ylabel("NEES / 6; dashed: 95 %")
    axes[3].set_xlabel("distance, m")
    axes[3].set_xscale("log")
    axes[3].invert_xaxis()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def flights(path: Path, summaries: Mapping[str, Mapping[str, Any]]) -> None:
    """NEES and the error at the end of each flight of some summaries, by the target's length."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    for i, (name, summary) in enumerate(summaries.items()):
        each = list(summary["flights"].values())
        lengths = [f["length_m"] for f in each]
        low, high = summary["nees_95"]
        label = f"{name}: {summary['nees_over_6']:.2f} on average, {low:.2f} to {high:.2f} if all is well"
        axes[0].scatter(lengths, [f["nees_over_6"] for f in each], s=22, label=label, color=f"C{i}")
        axes[1].scatter(lengths, [f["error_at_the_end_m"] for f in each], s=22, color=f"C{i}")
    axes[0].axhline(1.0, lw=1, color="0.5")
    axes[0].set_ylabel("NEES / 6, mean of a flight")
    axes[1].set_ylabel("error at the end, m")
    for axis in axes:
        axis.set_xlabel("length of the target, m")
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def video(path: Path, log: Log) -> None:
    """The camera's pictures with what perception and filter make of them, at ten times the speed."""
    write_video(path, _frames(log), 10.0)


def _frames(log: Log) -> Iterator[NDArray[np.uint8]]:
    blank: NDArray[np.uint8] = np.zeros((384, 512, 3), np.uint8)
    for i, time in enumerate(log.times):
        view = log.views[i]
        if view is not None:
            blank = np.asarray(cv2.resize(view.picture, (512, 384)), np.uint8)
        picture = blank.copy() if view is not None else (blank // 3)
        if view is not None:
            k = view.camera.k * 2
            for sight in log.sights[i]:
                x, y, z = view.to_optical @ sight.direction
                at = int(k[0, 0] * x / z + k[0, 2]), int(k[1, 1] * y / z + k[1, 2])
                cv2.drawMarker(picture, at, (80, 220, 120), cv2.MARKER_CROSS, 18, 1)
                cv2.putText(picture, sight.identity, (at[0] + 8, at[1] - 8), 0, 0.45, (80, 220, 120), 1, cv2.LINE_AA)
        truth, belief = log.truths[i], log.beliefs[i]
        error = np.linalg.norm(belief.mean[:3] - truth[:3])
        sigma = np.sqrt(np.trace(belief.covariance[:3, :3]))
        lines = (
            f"t {time:3.0f} s  distance {np.linalg.norm(truth[:3]):6.1f} m  {'' if log.seen[i] else 'nothing taken'}",
            f"error {error:5.1f} m  sigma {sigma:5.1f} m  NEES/6 {log.nees[i] / 6:.2f}",
        )
        for row, line in enumerate(lines):
            cv2.putText(picture, line, (8, 18 + 18 * row), 0, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        yield picture
