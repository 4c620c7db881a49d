"""Why a program is stopped."""

__all__ = ["CODES", "MachineError"]

CODES = {
    "WINDOW": "a transfer would have left its window",
    "ILLEGAL_COMMAND": "a command that doesn't exist, or with a field that isn't allowed",
    "WATCHDOG": "all engines wait for something that never comes",
    "ACCUMULATORS": "more pixels than accumulators",
    "STREAM": "weights that aren't what WEIGHTS says",
    "MISMATCH": "weights that aren't what the COMPUTE that takes them says",
    "POISON": "what is read from the activation buffer was never written",
    "RACE": "two engines touch the same data, and no token orders them",
    "RANGE": "a coordinate beyond what the hardware counts to",
}


class MachineError(Exception):
    """A program did what it must not.

    Parameters
    ----------
    code : str
        A key of ``CODES``. The first six are names of ``ErrorCode``, which the hardware reports,
        ``STREAM`` if the fault is in a compressed stream itself; it doesn't see the others, and
        its results are then undefined.
    text : str
        One line: the number of the command, its kind, and what is wrong.
    stream_error : int
        With ``STREAM``: what a compressed stream isn't, a value of ``golden.codec.ERRORS``, which
        the hardware reports, too; 0 if it sees nothing.

    Attributes
    ----------
    code, text : str
    stream_error : int
    """

    def __init__(self, code: str, text: str, stream_error: int = 0):
        if code not in CODES:
            raise ValueError(f"code must be one of {', '.join(CODES)}, not {code!r}")
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.stream_error = code, text, stream_error
