"""How wrong a network is: losses of label maps, of boxes, for labels that may be wrong. Pure functions of tensors."""
