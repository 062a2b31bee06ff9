"""What perception_node costs beside its network, measured over real DDS."""
