"""What systemd is told: ready, alive, ending (sd_notify(3); one datagram on the socket that $NOTIFY_SOCKET names)."""

from __future__ import annotations

import os
import socket


def notify(*lines: str) -> bool:
    """Tell the service manager `lines`, such as READY=1 or WATCHDOG=1.

    Returns:
        Whether it was told: False where there is none, or where it does not listen, which is nobody's fault here.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # Linux's abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True
