"""Readers of the public sets of sentences, each with the traps that its files are known for."""
