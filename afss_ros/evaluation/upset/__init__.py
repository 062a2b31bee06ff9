"""What single bit flips in a student's memory do to its answers, and which guard sees them.

Memory in orbit is upset by particles: single event upsets. Here bits of an `.onnx` are flipped one at a time, drawn
from each kind of tensor apart, for a draw by size alone seldom meets the scales and biases (`sites`, `campaign`,
`figures`).
"""
