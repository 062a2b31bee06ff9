"""What cannot be sent, or is no packet of ours."""


class DownlinkError(ValueError):
    """Something that does not fit into a packet, or a packet that cannot be read: says what, and what would do."""
