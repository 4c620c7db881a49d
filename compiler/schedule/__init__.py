"""From passes to commands: how they are cut, what stays in the buffer, in which order they run."""

from .codecs import AUTO, PLAIN, Coder, check_codec
from .commands import schedule
from .cuts import Tiling
from .interleave import in_turns, merged
from .residents import Residents, choose_residents
from .select import Choice, best_choices, good_choices

__all__ = ["AUTO", "PLAIN", "Choice", "Coder", "Residents", "Tiling", "best_choices",
           "check_codec", "choose_residents", "good_choices", "in_turns", "merged", "schedule"]
