"""Scenes of the samples of a data set: from its label map and craft, or from the masks of its instances."""

from __future__ import annotations

from afss_ros.datasets import Dataset, DatasetError, Sample
from afss_ros.labels import CLASS_NAMES
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets.rendered import from_components
from afss_ros.refer.things import WHOLE, framed, from_labels, from_masks


def scene_of(sample: Sample, dataset: Dataset) -> Scene:
    """The scene of a sample; see `_whole`. Bars about a picture that does not fill the frame are not of it.

    Raises:
        DatasetError, ReferError: as there.
    """
    scene = _whole(sample, dataset)
    window = sample.attributes.get("window_xyxy")
    if window is None:
        return scene
    if not (isinstance(window, list) and len(window) == 4 and all(type(v) is int for v in window)):
        raise DatasetError(f"{sample.key}: window_xyxy is {window!r}, not four whole numbers")
    return framed(scene, (window[0], window[1], window[2], window[3]))


def _whole(sample: Sample, dataset: Dataset) -> Scene:
    """The scene of a sample, with facts of colour from its picture.

    Where the rendered world tells components apart, they are the things. With a label map alone, parts are its pieces:
    where something lies across a panel, both pieces are things, so nothing is counted there. Without one, the instances
    are the things; what the set's classes are is then what was looked for.

    Raises:
        DatasetError: a file cannot be read, or nobody looked for objects, or some have no mask: an expression could
            then mean what nobody drew.
    """
    image = sample.read_image()
    if not sample.searched:
        raise DatasetError(f"{sample.key}: not every object is labelled, so nothing can be said to be the only one")
    if tells_components(sample):
        return from_components(sample.read_components(), sample.read_labels(), sample.attributes, image)
    if sample.labels is not None:
        instances = sample.read_instances()
        craft = None
        if instances is not None:
            masks = [i.mask() for i in instances if i.class_name == WHOLE]
            craft = [mask for mask in masks if mask is not None]
            if len(craft) < len(masks):
                raise DatasetError(f"{sample.key}: a craft has a box and no mask, so its parts are not known to be its")
        return from_labels(sample.read_labels(), dataset.class_names, image, crafts=craft, specks=True, min_area=1)
    named = []
    for instance in sample.instances or ():
        mask = instance.mask()
        if mask is None:
            raise DatasetError(f"{sample.key}: a {instance.class_name} has a box and no mask; label masks first")
        named.append((instance.class_name, mask))
    nouns = {name for number, name in dataset.class_names.items() if name != CLASS_NAMES[0]}
    return from_masks(named, nouns, image)


def counts(sample: Sample) -> bool:
    """Whether the things of a sample can be counted: they were drawn one by one."""
    return sample.labels is None or tells_components(sample)


def tells_components(sample: Sample) -> bool:
    """Whether a sample says which panel is which."""
    return sample.components is not None and sample.labels is not None and "components" in sample.attributes
