"""The names that people give to splits, as ours: `instances_train2017`, `valid`, `Validation`."""

from __future__ import annotations

import re

_SPLITS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "minival": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def split_of(name: str) -> str:
    """The split that a name says, "" for none. The year of a COCO file does not matter.

    >>> split_of("train2017"), split_of("Valid"), split_of("default"), split_of("trainval")
    ('train', 'val', '', 'train')
    """
    return _SPLITS.get(re.sub(r"[-_]?(19|20)\d\d$", "", name.strip().lower()), "")


def split_in(name: str) -> str:
    """The split that the first or the last word of a name says, a year behind it aside; "" for none.

    >>> split_in("train2017"), split_in("train_tango"), split_in("_annotations.coco"), split_in("my-val_2020")
    ('train', 'train', '', 'val')
    """
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return (split_of(words[0]) or split_of(words[-1])) if words else ""
