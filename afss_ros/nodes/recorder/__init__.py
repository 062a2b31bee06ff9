"""recorder_node: topics of the running graph into a bag."""
