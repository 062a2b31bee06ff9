"""From trained weights to one `.onnx` that keeps the student contract: graph, 8-bit integers, proof of agreement."""
