"""Cycles that the accelerator's parts take: all numbers by which predictions are calibrated."""

import dataclasses

__all__ = ["Timing"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """Latencies in cycles.

    Parameters
    ----------
    memory_read : int
        From a read's address to its first word, in the memory.
    memory_write : int
        From a write's last word to its answer, in the memory.
    arrival : int
        From a read's first word, in the memory, to it on the bus.
    crossing : int
        Of a word through the FIFO to another clock of the same frequency, if the buses have one.
    request : int
        From the offer of a read to its address on the bus; also between two such.
    fifo : int
        From a word on the bus to the other end of a FIFO.
    start : int
        From the start of the program to the request for its first command.
    end : int
        From the last command's end, or END's last word, to the end of the program.
    queue : int
        From a command's last word, or from the end of the command before, to its start.
    token : int
        From a command's end until others can take the tokens that it gives.
    unfold, unfold_end : int
        From the last vector of a LOAD that unfolds to the next one, and to its end.
    load_start, load_end : int
        From a LOAD's start to its first request, and from its last word to its end.
    store_read : int
        From a STORE's start to its first vector, and from its last one to its release.
    store_start, store_end : int
        From a STORE's start to its first word on the bus, and from the last answer to its end.
    store_burst : int
        Between the last word of a burst and the first of the next one.
    weights_start, weights_end : int
        From the start of WEIGHTS to its request, and from its last word to its end.
    stream_start : int
        Of a compressed stream, from the first granules of weights to the first step.
    compute_start : int
        From a COMPUTE's start to its first vector.
    block : int
        From the last word of a weight block to its first vector at the earliest.
    same_pixel : int
        From a vector to the next one for the same pixel.
    results : int
        From a vector to its sums at the requantizer.
    compute_release : int
        From the last vector to the release of COMPUTE.
    compute_end : int
        From the last sums that the requantizer takes to the end of COMPUTE.
    """

    memory_read: int = 20
    memory_write: int = 10
    arrival: int = 1
    crossing: int = 3
    request: int = 2
    fifo: int = 2
    start: int = 3
    end: int = 2
    queue: int = 2
    token: int = 1
    unfold: int = 1
    unfold_end: int = 2
    load_start: int = 1
    load_end: int = 2
    store_read: int = 2
    store_start: int = 5
    store_end: int = 0
    store_burst: int = 0
    weights_start: int = 1
    weights_end: int = 1
    stream_start: int = 5
    compute_start: int = 3
    block: int = 0
    same_pixel: int = 2
    results: int = 6
    compute_release: int = 1
    compute_end: int = 3

    def across_clocks(self) -> "Timing":
        """The same with requests and answers that cross to another clock, and back."""
        both = 2 * self.crossing
        return dataclasses.replace(self, memory_read=self.memory_read + both,
                                   memory_write=self.memory_write + both)

    def for_memories(self, latency: int) -> "Timing":
        """The same with memories in the accelerator whose reads take 1 or 2 cycles."""
        late = latency - 1
        return dataclasses.replace(
            self, fifo=self.fifo + late, queue=self.queue + late, unfold=self.unfold + late,
            unfold_end=self.unfold_end + late, store_start=self.store_start + 2 * late,
            results=self.results + late,
            compute_start=self.compute_start + late, same_pixel=self.same_pixel + late)
