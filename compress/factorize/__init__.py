"""Factorization: layers with many weights become several with fewer."""

from .cp import factor_cp
from .rewrite import rewritten
from .stages import Factors, Stage, Target, chain, macs
from .svd import factor_svd
from .tucker import factor_tucker

__all__ = ["Factors", "Stage", "Target", "chain", "factor_cp", "factor_svd", "factor_tucker",
           "macs", "rewritten"]
