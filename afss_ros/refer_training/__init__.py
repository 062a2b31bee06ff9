"""A small network that points with words: trained from a set of sentences, exported to one file that flies.

Its eyes find things, as masks with names; facts are measured on the masks as the grammar measures them; its reader
weighs the facts against the words. Each part is small enough to be trained on one core in minutes.
"""
