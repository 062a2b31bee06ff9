"""ONNX Runtime's execution providers: what each may be told, what it took of a graph, and where its memory lies."""
