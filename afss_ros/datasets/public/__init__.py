"""The published spacecraft sets, each read in its own exact format."""
