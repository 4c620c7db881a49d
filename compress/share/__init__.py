"""Weight sharing: layers whose weights are a few values, each weight an index of one."""

from .cluster import Start, cluster
from .codebook import shared_format, sharing_error

__all__ = ["Start", "cluster", "shared_format", "sharing_error"]
