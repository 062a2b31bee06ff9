"""A live node, a camera whose right answers are known, and faults that are injected into either: `make campaign`."""
