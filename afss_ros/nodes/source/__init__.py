"""source_node: a bag, a video or a folder as a camera."""
