"""The score of the SPARK 2026 challenge (University of Luxembourg): accuracy against compute and size.

S_acc = 0.2 classification + 0.4 detection + 0.4 segmentation
S_final = 0.7 S_acc + 0.15 (1 - GMACs / 100) + 0.15 (1 - parameters / 30 M)
"""

from __future__ import annotations

from afss_ros.evaluation.cost import Cost

WEIGHTS = {"classification": 0.2, "detection": 0.4, "segmentation": 0.4}


def accuracy(detection: float | None, segmentation: float | None, classification: float | None = None) -> float | None:
    """S_acc in 0..1.

    Without a classification score (a student that does not name craft) the other two share its weight, which is not
    the challenge's own score but ranks students alike. None when detection or segmentation is unknown.
    """
    if detection is None or segmentation is None:
        return None
    parts = {"detection": detection, "segmentation": segmentation}
    if classification is not None:
        parts["classification"] = classification
    weight = sum(WEIGHTS[name] for name in parts)
    return sum(WEIGHTS[name] * value for name, value in parts.items()) / weight


def final(s_acc: float | None, cost: Cost) -> float | None:
    """S_final; compute and size count from 1 (free) down to 0 (100 GMACs, 30 M parameters), and not below."""
    if s_acc is None or cost.gmacs is None:
        return None
    return 0.7 * s_acc + 0.15 * max(0.0, 1.0 - cost.gmacs / 100.0) + 0.15 * max(0.0, 1.0 - cost.params_m / 30.0)
