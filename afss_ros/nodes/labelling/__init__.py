"""labelling_node: the teacher as a node."""
