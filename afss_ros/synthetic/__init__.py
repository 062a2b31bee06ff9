"""Rendered spacecraft with exact masks."""
