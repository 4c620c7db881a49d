"""From an integer network to a program."""

import collections
import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence

from sparrow.golden.network import Layer, Network
from sparrow.hw.spec.accelerator import AcceleratorSpec
from sparrow.hw.spec.base import SpecError
from sparrow.hw.spec.bus import PAGE_BYTES
from sparrow.hw.spec.commands import COMMAND_BYTES, Opcode, compute_vectors, encode

from .dependencies import set_retirements, set_tokens
from .errors import CompileError
from .footprint import Instruction
from .layout import LARGEST_WINDOW, TensorLayout, allocate, kept
from .lower import (
    Fusions,
    fusions,
    keep_additions,
    lower_all,
    readers,
    require_supported,
    true_macs,
)
from .passes import Pass
from .place import Room
from .predict import Timing
from .program import LayerInfo, Program
from .schedule import (
    AUTO,
    PLAIN,
    Choice,
    Coder,
    Residents,
    Tiling,
    best_choices,
    check_codec,
    choose_residents,
    good_choices,
    in_turns,
    merged,
    schedule,
)

__all__ = ["compile_network"]

TIMING = Timing()
PREFETCH_BYTES = 512  # that the sequencer may fetch beyond END


def compile_network(network: Network, spec: AcceleratorSpec, *,
                    keep_all: bool = True, residency: bool = True, fusion: bool = True,
                    codec: str = AUTO, timing: Timing | None = TIMING) -> Program:
    """Compile a network for an accelerator.

    Parameters
    ----------
    keep_all : bool
        Whether every layer's output has memory of its own, so that it can be read after a run.
    residency : bool
        Whether tensors may stay in the buffer from one layer to others, where that takes fewer
        cycles. Without ``keep_all`` they go to memory only if they must.
    fusion : bool
        Whether residual additions may be done on the way of a layer's results to the buffer.
    codec : str
        How weights are sent: ``auto``, for each stream in the way that takes the fewest cycles;
        ``plain``; or one of the accelerator's codecs, wherever it can be.
    timing : Timing or None
        Latencies with which cycles are predicted, and tilings chosen; None leaves the prediction
        out.

    Raises
    ------
    CompileError
        If the network can't run on the accelerator exactly as it is defined; the text names the
        layer, the value, and what is allowed.
    TypeError
        If ``network`` is no ``Network`` or ``spec`` no ``AcceleratorSpec``.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a Network, not {network!r}")
    if not isinstance(spec, AcceleratorSpec):
        raise TypeError(f"spec must be an AcceleratorSpec, not {spec!r}")
    check_codec(codec, spec)
    require_supported(network, spec)
    fused = fusions(network, spec) if fusion else {}
    layouts, data_size = allocate(network, spec, keep_all=keep_all,
                                  readers=readers(network, fused),
                                  on_chip=[one.layer for one in fused.values()])
    works = lower_all(network, spec, layouts, fused)
    residents = None
    if residency:
        residents = choose_residents(network, spec, layouts, works, fused, keep_all=keep_all)
        residents = residents if residents.names else None

    def compiled(codec: str) -> Program:
        compilation = _Compilation(network, spec, fused, keep_all, codec, timing)
        program = None if residents is None else compilation.resident(residents)
        if program is not None and timing is None:
            return program
        memory = compilation.program(layouts, data_size, works, ())
        return memory if program is None or memory.cycles < program.cycles else program

    program = compiled(codec)
    if codec == AUTO and program.decodings and timing is not None:
        plain = compiled(PLAIN)
        program = plain if plain.cycles < program.cycles else program
    return program


class _Compilation:
    """Programs of a network, which differ in what stays in the buffer."""

    def __init__(self, network: Network, spec: AcceleratorSpec, fused: Fusions, keep_all: bool,
                 codec: str, timing: Timing | None):
        self._network, self._spec, self._keep_all = network, spec, keep_all
        self._fused, self._timing, self._coder = fused, timing, Coder(spec, codec)
        self._found: dict[tuple[str, int, Room], list[Choice]] = {}

    def resident(self, residents: Residents) -> Program:
        """The program in which some tensors stay."""
        network, spec, fused, stored = (self._network, self._spec, self._fused, residents.stored)
        on_chip = [*(name for name in residents.names if name not in stored),
                   *(one.layer for one in fused.values())]
        layouts, data_size = allocate(network, spec, keep_all=self._keep_all,
                                      readers=readers(network, fused), on_chip=on_chip)
        works = {name: [work.within(room) for work, room in zip(
            passes, residents.rooms(name, stored), strict=True)]
            for name, passes in lower_all(network, spec, layouts, fused).items()}
        return self.program(layouts, data_size, works, residents.names)

    def program(self, layouts: Mapping[str, TensorLayout], data_size: int,
                works: Mapping[str, Sequence[Pass]], stay: Collection[str]) -> Program:
        """The program of all passes, each tiled as is best for it."""
        network, spec = self._network, self._spec
        choices = iter(best_choices([self._options(number, work) for layer in network
                                     for number, work in enumerate(works[layer.name])]))
        chosen = [list(itertools.islice(choices, len(works[layer.name]))) for layer in network]
        turns = self._take_turns(chosen)
        layers = [[command for choice in own
                   for command in schedule(choice.work, choice.tiling, spec, self._coder)]
                  for own in chosen]
        tilings = [tuple(_describe(choice.work, choice.tiling) for choice in own) for own in chosen]
        instructions = list[Instruction]()
        for number, own in enumerate(layers):
            if number in turns:
                own = merged(own, layers[turns[number]])
            if number not in turns.values():
                instructions += own
        instructions.append(Instruction(Opcode.END, {}))
        keep_additions(instructions)
        set_retirements(layers, set_tokens(instructions))
        places = {instruction: number for number, instruction in enumerate(instructions)}
        infos = list[LayerInfo]()
        for layer, own, text in zip(network, layers, tilings):
            infos += _infos(layer, network, self._fused, own, [places[one] for one in own], text,
                            spec)
        program = Program(
            name=network.name, spec=spec, program_bytes=_image(network.name, instructions, spec),
            start=0, data_size=data_size, tensors=layouts, kept=kept(network, layouts),
            input=network.input_name, output=network.output,
            decodings={one.values["offset"]: one.decoding for one in instructions
                       if one.opcode is Opcode.WEIGHTS and one.decoding is not None},
            layers=tuple(dataclasses.replace(info, output=(
                "fused" if info.fused_into else "chip" if layouts[info.name].on_chip
                else "both" if info.name in stay else "memory")) for info in infos))
        return program if self._timing is None else program.with_cycles(self._timing)

    def _take_turns(self, chosen: list[list[Choice]]) -> dict[int, int]:
        """The layers whose commands take turns with another's; their choices become others."""
        turns: dict[int, int] = {}
        for first, second in itertools.pairwise(n for n, own in enumerate(chosen) if own):
            if (self._timing is None or first in turns.values()
                    or not len(chosen[first]) == len(chosen[second]) == 1):
                continue
            pair = in_turns(chosen[first][0], chosen[second][0], self._spec, self._timing,
                            self._coder)
            if pair is not None:
                chosen[first], chosen[second] = [pair[0]], [pair[1]]
                turns[first] = second
        return turns

    def _options(self, number: int, work: Pass) -> list[Choice]:
        """Good ways to carry out a pass, one of its layer's: as before if it has the same room."""
        key = work.layer, number, work.room
        if key not in self._found:
            self._found[key] = good_choices(work, self._spec, self._timing or TIMING,
                                             self._coder)
        return self._found[key]


def _infos(layer: Layer, network: Network, fused: Fusions, instructions: Sequence[Instruction],
           places: Sequence[int], tilings: tuple[str, ...],
           spec: AcceleratorSpec) -> list[LayerInfo]:
    """What became of a layer; of an addition, that of the layer that does it stands before it."""
    if layer.name in {fusion.layer for fusion in fused.values()}:
        return []
    if layer.name not in fused:
        return [_info(layer, instructions, places, tilings, spec)]
    own = network.layer(fused[layer.name].layer)
    return [dataclasses.replace(_info(own, instructions, places, tilings, spec),
                                fused_into=layer.name),
            _info(layer, (), (), (), spec)]


def _image(name: str, instructions: Sequence[Instruction], spec: AcceleratorSpec) -> bytes:
    """The program window: commands, room for what is fetched beyond them, streams, each once."""
    step = max(spec.bus.burst_words * spec.bus.word_bytes, COMMAND_BYTES)
    streams: dict[bytes, int] = {}
    position = _round_up(len(instructions) * COMMAND_BYTES + PREFETCH_BYTES, step)
    for instruction in instructions:
        if instruction.opcode is Opcode.WEIGHTS:
            if instruction.stream not in streams:
                streams[instruction.stream] = position
                position = _round_up(position + len(instruction.stream), step)
            instruction.values["offset"] = streams[instruction.stream]
    if position > LARGEST_WINDOW:
        raise CompileError(f"Network {name!r}: commands and weights must take at most "
                           f"{LARGEST_WINDOW} bytes, not {position}")
    image = bytearray(_round_up(position, PAGE_BYTES))
    for number, instruction in enumerate(instructions):
        start = number * COMMAND_BYTES
        try:
            command = encode(instruction.opcode, **instruction.values)
        except SpecError as error:
            raise CompileError(f"Layer {instruction.layer!r}: {error}") from None
        image[start:start + COMMAND_BYTES] = command
    for stream, start in streams.items():
        image[start:start + len(stream)] = stream
    return bytes(image)


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _describe(work: Pass, tiling: Tiling) -> str:
    """A tiling in one line."""
    room = work.room
    source = ("source on chip" if room.sources else "source resident" if tiling.resident
              else f"{tiling.source_areas} source areas")
    target = (f"{tiling.target_areas} target areas" if room.target is None
              else f"target stays{' and is stored' if room.stored else ''}")
    unfolded = f", unfolded by {work.unfolding.rows}" if work.unfolding is not None else ""
    head = f" ({tiling.head} at first)" if tiling.head else ""
    return (f"{tiling.height}{head} x {tiling.width} pixels, {tiling.group} output blocks, "
            f"{len(tiling.parts)} parts, {source}, {target}, "
            f"{'int4' if work.int4 else 'int8'}{unfolded}")


def _info(layer: Layer, instructions: Sequence[Instruction], places: Sequence[int],
          tilings: tuple[str, ...], spec: AcceleratorSpec) -> LayerInfo:
    counts: collections.Counter[Opcode] = collections.Counter()
    for instruction in instructions:
        values = instruction.values
        match instruction.opcode:
            case Opcode.COMPUTE:
                amount = values["output_blocks"] * compute_vectors(values, spec.winograd_tile)
                if values["map"]:
                    assert instruction.decoding is not None
                    decoding = instruction.decoding
                    amount = amount // len(decoding.steps) * decoding.kept
            case Opcode.WEIGHTS:
                amount = len(instruction.stream)
            case Opcode.LOAD if values.get("unfold"):
                requests = 1 if values.get("joined") else values["runs"]
                amount = requests * values.get("words", 0) * spec.bus.word_bytes
            case _:
                amount = values["planes"] * values["runs"] * values["run"] * spec.lanes
        counts[instruction.opcode] += amount
    return LayerInfo(
        name=layer.name, kind=type(layer).__name__, first_command=places[0] if places else 0,
        commands=len(instructions),
        scattered=tuple(places) if places and places[-1] - places[0] >= len(places) else (),
        macs=true_macs(layer), vectors=counts[Opcode.COMPUTE],
        bytes_read=counts[Opcode.LOAD] + counts[Opcode.WEIGHTS],
        bytes_written=counts[Opcode.STORE], tiling=tilings,
        codecs=tuple(dict.fromkeys(
            PLAIN if one.decoding is None else one.decoding.codec for one in instructions
            if one.opcode is Opcode.WEIGHTS)))
