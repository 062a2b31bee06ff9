"""What a person should look at: wordings that the grammar cannot read, or that are not clear, with their pictures."""

from __future__ import annotations

import base64
import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.images import encode_compressed
from afss_ros.refer.rewrite.accept import Judged
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets.references import Reference, reference_to_json

_MOST = 500
"""Wordings on a page; all of them are in `review.jsonl`."""
_STYLE = """body{font:15px system-ui;margin:2rem auto;max-width:70rem}
figure{display:inline-block;width:20rem;margin:.5rem;vertical-align:top}img{width:100%;image-rendering:pixelated}b{display:block}small{color:#666}"""
_SCRIPT = """document.querySelector('button').onclick=()=>{const kept=[...document.querySelectorAll('input:checked')]
.map(box=>JSON.parse(box.value));const link=document.createElement('a');link.download='kept.json';
link.href=URL.createObjectURL(new Blob([JSON.stringify(kept)],{type:'application/json'}));link.click()}"""


@dataclass(frozen=True, eq=False)
class Doubt:
    """A wording that somebody should judge."""

    reference: Reference
    judged: Judged
    scene: Scene
    image: NDArray[np.uint8]

    def to_json(self) -> dict[str, Any]:
        """A line of `review.jsonl`: the original's line, the wording, and why it was not taken."""
        return {"original": reference_to_json(self.reference), "text": self.judged.text, "why": self.judged.why}


def write_page(path: Path, doubts: list[Doubt]) -> None:
    """Write the page; what is ticked there can be saved as a file for `afss refer rewrite --kept`.

    Raises:
        DatasetError: it cannot be written.
    """
    figures = "".join(_figure(doubt) for doubt in doubts[:_MOST])
    left = f"<p>{len(doubts) - _MOST} more are in review.jsonl.</p>" if len(doubts) > _MOST else ""
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Wordings to judge</title><style>{_STYLE}</style>"
        f"<h1>{len(doubts)} wordings to judge</h1><p>Tick those that mean what is outlined, and nothing else.</p>"
        f"<button>Save what is ticked</button>{left}<div>{figures}</div><script>{_SCRIPT}</script>"
    )
    write_atomically(path, page.encode())


def _figure(doubt: Doubt) -> str:
    picture = np.array(doubt.image)
    for thing in doubt.scene.things:
        if thing.id in doubt.reference.targets:
            outlines, _ = cv2.findContours(
                doubt.scene.mask(thing).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, outlines, -1, (255, 208, 64), 1)
    content = base64.b64encode(encode_compressed(picture, "png")).decode()
    named = {"scene": doubt.reference.scene, "original": doubt.reference.text, "text": doubt.judged.text}
    value = html.escape(json.dumps(named), quote=True)
    return (
        f'<figure><img alt="" src="data:image/png;base64,{content}"><figcaption><label><input type=checkbox'
        f' value="{value}"> <b>{html.escape(doubt.judged.text)}</b></label>{html.escape(doubt.reference.text)}<br>'
        f"<small>{html.escape(doubt.judged.why)}</small></figcaption></figure>"
    )
