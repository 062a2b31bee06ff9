"""The ROS 2 nodes: the only rooms that import rclpy.

`perception_node` runs a student on a camera's images. Its parts, in the order a frame meets them: `image_input`,
`mailbox` and `worker`, `pipeline`, `messages`, `outputs`; beside them `parameters`, `statistics`, `diagnostics`,
`lifecycle` and `spinning`.
"""
