"""Recordings in, a labelled set out: planned, resumable, reported. What finds the craft is the `teacher`."""
