"""Weights in memory that this package owns: held twice, hashed by the piece, repaired in place."""
