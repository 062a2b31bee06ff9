"""Where frames come from on a desk: folders of pictures, videos, bags."""

from afss_ros.sources.open import open_source
from afss_ros.sources.source import Source, SourceError, Unreadable

__all__ = ["Source", "SourceError", "Unreadable", "open_source"]
