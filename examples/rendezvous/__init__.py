"""A rendered approach, flown by a filter on what perception_node says: an example to start from, no flight software.

make rendezvous
"""
