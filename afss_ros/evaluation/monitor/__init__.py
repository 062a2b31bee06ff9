"""The monitor of the input, on the ground: limits chosen on right frames, rates on right and spoiled ones."""
