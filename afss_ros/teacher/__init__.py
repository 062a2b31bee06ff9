"""The teacher: text prompts in, refined pseudo-labels out."""
