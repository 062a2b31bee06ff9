"""The ROS 2 nodes: the only rooms that import rclpy.

A room for each node: `perception`, `source`, `recorder`, `labelling`; `demo` and `bench` operate them. What they share
lies here: `image_input`, `mailbox` and `worker` take images, `messages` makes outputs, `lifecycle` and `spinning` keep
a node operable.
"""
