"""`afss refer convert`: a public set of sentences to one of our own, whose form is told by its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from afss_ros.refer.errors import ReferError
from afss_ros.refer.forms import aerial_d, refcoco, refsegrs, risbench, urban1960
from afss_ros.refer.forms.pointed import Converted, Pointed, write

Reader = tuple[Callable[[Path], bool], Callable[[Path], Iterator[Pointed | str]]]
FORMS: dict[str, Reader] = {
    "refcoco": (refcoco.recognises, refcoco.read),
    "risbench": (risbench.recognises, risbench.read),
    "refsegrs": (refsegrs.recognises, refsegrs.read),
    "aerial-d": (aerial_d.recognises, aerial_d.read),
    "urban1960": (urban1960.recognises, urban1960.read),
}
"""RRSIS-D and NWPU-Refer are of the form of RefCOCO."""


def convert(root: Path, out: Path, form: str | None = None) -> Converted:
    """Read a public set and write it as `afss refer build` does; its sentences name the form as their source.

    Raises:
        ReferError: it is of no known form, or holds no sentence that can be used.
        DatasetError: a file cannot be read or written.
    """
    if form is not None and form not in FORMS:
        raise ReferError(f"no form is called {form!r}; they are {', '.join(FORMS)}")
    if not root.is_dir():
        raise ReferError(f"{root}: is no folder of a set; its forms are {', '.join(FORMS)}")
    name = form or next((name for name, (recognises, _) in FORMS.items() if recognises(root)), None)
    if name is None:
        raise ReferError(f"{root}: is of no form that is known ({', '.join(FORMS)}); look at docs/refer.md")
    return write(FORMS[name][1](root), name, out)
