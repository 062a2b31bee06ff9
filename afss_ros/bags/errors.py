"""What can go wrong with a bag."""


class BagError(Exception):
    """A bag that cannot be read or written; the message names the bag and the cure."""
