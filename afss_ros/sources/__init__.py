"""Where frames come from on a desk: folders of pictures, videos, bags."""

from afss_ros.sources.open import open_source
from afss_ros.sources.source import Damage, Source, SourceError, Unreadable

__all__ = ["Damage", "Source", "SourceError", "Unreadable", "open_source"]
