"""Styles of the pieces with a known beat: what each instrument plays in a bar.

Slots are sixteenth notes from 0; kick and snare have one or two patterns, which seeds choose from.
"""

from dataclasses import dataclass

Slots = tuple[float, ...]
LOOPS = ((0, 5, 3, 4), (0, 3, 4, 4), (5, 3, 0, 4), (0, 4, 5, 3), (0, 0, 3, 4))


@dataclass(frozen=True, slots=True)
class Style:
    """What makes a style."""

    tempos: tuple[float, float]
    meter: int = 4
    kick: tuple[Slots, ...] = ()
    snare: tuple[Slots, ...] = ()
    hats: Slots = ()
    ring: float = 1.0  # of hats: a ride rings long
    bass: tuple[tuple[float, int], ...] = ()  # slot, steps above the chord's root
    bass_s: float = 0.25
    bass_gain: float = 0.33
    stabs: Slots = ()  # where chords are struck
    pad_s: float = 0.0  # 0: short chords
    chords: tuple[tuple[int, ...], ...] = LOOPS
    bars_a_chord: int = 1
    melody: float = 0.3
    minor: float = 0.5
    swing: float = 0.0  # where the eighth between two beats lies; 0: in the middle
    human_s: float = 0.0  # spread of each stroke
    drift: float = 0.0  # of the tempo, slowly
    wander: float = 0.0  # of each beat
    sections: bool = True
    noise: bool = False
    speech: bool = False
    ambient: bool = False

    @property
    def is_free(self) -> bool:
        """Tell whether there is no steady beat."""
        return self.noise or self.speech or self.ambient or self.wander >= 0.02


FOUR = (0, 4, 8, 12)
BACKBEAT = (4, 12)
EIGHTHS = tuple(range(0, 16, 2))
SIXTEENTHS = tuple(range(16))
OFFBEATS = (2, 6, 10, 14)

STYLES: dict[str, Style] = {
    "house": Style(
        (118, 128),
        kick=(FOUR,),
        snare=(BACKBEAT,),
        hats=OFFBEATS,
        bass=((2, 0), (6, 0), (7, 4), (10, 0), (14, 0)),
        stabs=(0, 3, 6, 11),
    ),
    "techno": Style(
        (126, 140),
        kick=(FOUR,),
        snare=((4, 12), (12,)),
        hats=SIXTEENTHS,
        bass=tuple((slot, 0) for slot in (1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15)),
        bass_s=0.1,
        bass_gain=0.2,
        stabs=(3, 11),
        bars_a_chord=4,
        minor=1.0,
        melody=0.1,
    ),
    "disco": Style(
        (108, 122),
        kick=(FOUR,),
        snare=(BACKBEAT,),
        hats=(0, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15),
        bass=tuple((slot, 0 if slot % 4 == 0 else 7) for slot in EIGHTHS),
        stabs=(2, 6, 10, 14),
        human_s=0.003,
    ),
    "trap": Style(
        (130, 150),
        kick=((0, 7, 10), (0, 3, 10)),
        snare=((8,),),
        hats=(0, 2, 4, 6, 7, 8, 10, 12, 13, 13.5, 14, 14.5),
        bass=((0, 0), (7, 0), (10, 2)),
        bass_s=0.5,
        stabs=(0,),
        pad_s=1.6,
        minor=1.0,
    ),
    "swing": Style(
        (120, 190),
        kick=((0, 8),),
        snare=((4, 12),),
        hats=(0, 4, 6, 8, 12, 14),
        ring=4.0,
        bass=((0, 0), (4, 2), (8, 4), (12, 1)),
        stabs=(6, 12),
        swing=0.66,
        human_s=0.006,
        minor=0.3,
    ),
    "shuffle": Style(
        (90, 140),
        kick=((0, 8), (0, 6, 8)),
        snare=(BACKBEAT,),
        hats=EIGHTHS,
        bass=((0, 0), (2, 0), (4, 4), (6, 4), (8, 5), (10, 5), (12, 4), (14, 4)),
        stabs=(2, 10),
        swing=0.66,
        human_s=0.005,
        minor=0.3,
    ),
    "waltz": Style(
        (90, 170),
        meter=3,
        kick=((0,),),
        snare=((4, 8),),
        hats=(0, 4, 8),
        bass=((0, 0),),
        bass_s=0.4,
        stabs=(4, 8),
        human_s=0.005,
        minor=0.3,
        melody=0.5,
    ),
    "drum and bass": Style(
        (168, 178),
        kick=((0, 10), (0, 2, 10)),
        snare=(BACKBEAT,),
        hats=EIGHTHS,
        bass=((0, 0), (6, 0), (10, 2)),
        bass_s=0.5,
        stabs=(0,),
        pad_s=2.0,
        bars_a_chord=2,
        minor=1.0,
    ),
    "drifting rock": Style(
        (95, 145),
        kick=((0, 8, 10), (0, 6, 8)),
        snare=(BACKBEAT,),
        hats=EIGHTHS,
        bass=tuple((slot, 0) for slot in EIGHTHS),
        stabs=EIGHTHS,
        human_s=0.006,
        drift=0.015,
    ),
    "half-time": Style(
        (130, 160),
        kick=((0,), (0, 14)),
        snare=((8,),),
        hats=FOUR,
        bass=((0, 0), (8, 0)),
        stabs=(0, 8),
        human_s=0.004,
    ),
    "funk": Style(
        (92, 112),
        kick=((0, 6, 10), (0, 3, 10)),
        snare=((4, 12), (4, 7, 12)),
        hats=SIXTEENTHS,
        bass=((0, 0), (3, 0), (6, 4), (8, 0), (11, 7), (14, 4)),
        stabs=(4, 7, 12),
        human_s=0.004,
    ),
    "reggaeton": Style(
        (88, 100),
        kick=(FOUR,),
        snare=((3, 6, 11, 14),),
        hats=EIGHTHS,
        bass=((0, 0), (6, 0), (8, 4), (14, 0)),
        stabs=(0, 8),
        minor=0.8,
    ),
    "pop": Style(
        (84, 126),
        kick=((0, 7, 8), (0, 8, 11)),
        snare=(BACKBEAT,),
        hats=EIGHTHS,
        bass=((0, 0), (6, 0), (8, 0), (14, 4)),
        stabs=(0,),
        pad_s=1.8,
        human_s=0.002,
        melody=0.5,
    ),
    "piano ostinato": Style(
        (84, 126),
        bass=((0, 0), (8, 4)),
        bass_s=0.5,
        stabs=(0, 4, 8, 12),
        human_s=0.003,
        melody=0.6,
    ),
    "rubato": Style(
        (60, 100),
        bass=((0, 0), (8, 4)),
        bass_s=0.6,
        stabs=(4, 12),
        wander=0.12,
        human_s=0.02,
        melody=0.6,
        sections=False,
    ),
    "ambient": Style(
        (50, 70), stabs=(0,), pad_s=7.0, wander=0.1, ambient=True, melody=0.0, bars_a_chord=2, sections=False
    ),
    "rain": Style((60, 60), chords=(), noise=True, sections=False),
    "speech": Style((60, 60), chords=(), speech=True, sections=False),
}
