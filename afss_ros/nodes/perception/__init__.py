"""perception_node: a student on a camera's images.

Its parts, in the order a frame meets them: `nodes.image_input`, `nodes.worker`, `pipeline`, `nodes.messages`,
`outputs`; beside them `parameters`, `statistics`, `diagnostics`, `hard_frames` and `recording`. The node is `node`.
"""
