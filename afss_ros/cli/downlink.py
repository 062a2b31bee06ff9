"""`afss downlink`: recordings for a radio and for a navigator, and what came down made readable."""

from __future__ import annotations

import json as writing
from collections.abc import Collection
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from afss_ros.cli.optional import with_optional

downlink_app = typer.Typer(
    help="Frames as CCSDS space packets, bearings as a tracking data message.", no_args_is_help=True
)
Bag = Annotated[
    Path, typer.Argument(help="Recording of a node that tracks, or of afss run --tracking.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="File to write.", show_default=False)]


def pack(
    bag: Bag,
    out: Out,
    apid: Annotated[int, typer.Option("--apid", min=0, max=2039, help="Application process identifier.")] = 100,
    bits_per_second: Annotated[
        float, typer.Option("--bits-per-second", min=0, help="Of the link, most doubtful first; 0: no limit.")
    ] = 0.0,
) -> None:
    """Write the frames of a recording as CCSDS space packets, each under a kilobyte. Exit code 3 if it is damaged."""
    from afss_ros.datasets.files import write_atomically
    from afss_ros.downlink import Downlink, summary
    from afss_ros.downlink.recorded import Recorded

    link = Downlink(apid, bits_per_second)
    packets: list[bytes] = []
    recorded = Recorded(bag)
    for stamp, told in recorded.summaries():
        link.offer(summary.encode(told), stamp, told.doubt)
        packets += link.due(stamp / 1e9)
    write_atomically(out, b"".join(packets))
    sizes = sorted(len(p) for p in packets)
    typical = f", {sizes[len(sizes) // 2]} bytes at the median, {sizes[-1]} at most" if sizes else ""
    left = link.waiting + link.dropped
    typer.echo(f"{out}: {len(packets)} packets{typical}" + (f"; {left} frames had no room" if left else ""))
    _end(recorded.damages)


def read(
    packets: Annotated[Path, typer.Argument(help="Space packets, one after the other.", show_default=False)],
    json: Annotated[
        Path | None, typer.Option("--json", help="Write all that they say here.", show_default=False)
    ] = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", help="Write the masks into this folder, as PNG.", show_default=False)
    ] = None,
) -> None:
    """Read space packets as they came down: lost and damaged ones are told of. Exit code 3 when something is."""
    from afss_ros.datasets.files import read_bytes, write_atomically
    from afss_ros.downlink.received import receive
    from afss_ros.images import encode_labels

    received = receive(read_bytes(packets))
    if json is not None:
        write_atomically(json, (writing.dumps(received.document(), indent=1) + "\n").encode())
    if masks is not None:
        masks.mkdir(parents=True, exist_ok=True)
        for stamp_ns, told in received.frames:
            if told.labels is not None:
                write_atomically(masks / f"{stamp_ns}.png", encode_labels(told.labels))
    typer.echo(received.sentence(str(packets)))
    if received.lost or received.foreign_bytes or received.unreadable:
        raise typer.Exit(3)


def tdm(
    bag: Bag,
    out: Out,
    observer: Annotated[str, typer.Option("--observer", help="Name of who carries the camera.")] = "CHASER",
    frame: Annotated[
        str, typer.Option("--frame", help="Frame on /tf to turn bearings into; else the camera's own.")
    ] = "",
    tf: Annotated[
        Path | None, typer.Option("--tf", help="Bag whose /tf has the attitude, if not BAG.", show_default=False)
    ] = None,
    reference_frame: Annotated[
        str, typer.Option("--reference-frame", help="REFERENCE_FRAME to name; else the frame's own name.")
    ] = "",
    originator: Annotated[str, typer.Option("--originator", help="ORIGINATOR of the message.")] = "AFSS_ROS",
) -> None:
    """Write bearings and ranges of a recording as a CCSDS tracking data message. Exit code 3 if it is damaged."""
    from afss_ros.datasets.files import write_atomically
    from afss_ros.downlink import tdm as message
    from afss_ros.downlink.recorded import Recorded

    recorded = Recorded(bag)
    name, craft = recorded.observations(frame, tf)
    comments = []
    if not frame:
        comments = [f"angles in the frame of the camera {name}: X forward along the optical axis, Y left, Z up"]
    text = message.write(
        {f"CRAFT_{identity}": seen for identity, seen in craft.items()},
        observer=observer,
        frame=reference_frame or name,
        created=datetime.now(timezone.utc),
        originator=originator,
        comments=comments,
    )
    write_atomically(out, text.encode("ascii"))
    typer.echo(f"{out}: {sum(map(len, craft.values()))} bearings of {len(craft)} craft in {reference_frame or name}")
    _end(recorded.damages)


def _end(damages: Collection[str]) -> None:
    """Exit code 3 where not all of a recording could be read."""
    for damage in damages:
        typer.echo(f"damaged: {damage}; what could be read is written", err=True)
    if damages:
        raise typer.Exit(3)


for command in (pack, read, tdm):
    downlink_app.command()(with_optional(command))
