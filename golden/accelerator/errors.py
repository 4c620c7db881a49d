"""Why a program is stopped."""

__all__ = ["CODES", "MachineError"]

CODES = {
    "WINDOW": "a transfer would have left its window",
    "ILLEGAL_COMMAND": "a command that doesn't exist, or with a field that isn't allowed",
    "WATCHDOG": "all engines wait for something that never comes",
    "ACCUMULATORS": "more pixels than accumulators",
    "STREAM": "weights that don't match the commands that use them",
    "POISON": "what is read from the activation buffer was never written",
    "RACE": "two engines touch the same data, and no token orders them",
    "RANGE": "a coordinate beyond what the hardware counts to",
}


class MachineError(Exception):
    """A program did what it must not.

    Parameters
    ----------
    code : str
        A key of ``CODES``. The first five are names of ``ErrorCode``, which the hardware reports;
        hardware doesn't see the others, and its results are then undefined.
    text : str
        One line: the number of the command, its kind, and what is wrong.

    Attributes
    ----------
    code, text : str
    """

    def __init__(self, code: str, text: str):
        if code not in CODES:
            raise ValueError(f"code must be one of {', '.join(CODES)}, not {code!r}")
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text
