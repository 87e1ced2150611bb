"""Measure a track as music in one pass over its blocks: beats, key, voices and sections.

In: float32 stereo at the file's rate. Out: the four values of `measured`, each None where it is not known. An
hour takes about 40 MB until it is finished; no spectrum is kept.
"""

from dataclasses import dataclass

from mixes.engine.music.harmony import find_harmony
from mixes.engine.music.lowering import Lowering, Mono
from mixes.engine.music.measured import Harmony, Rhythm, Sections, Voices
from mixes.engine.music.onsets import OnsetCollector
from mixes.engine.music.pitches import PitchCollector
from mixes.engine.music.rhythm import find_rhythm
from mixes.engine.music.sections import find_sections
from mixes.engine.music.voices import VoiceCollector, load_model
from mixes.engine.samples import Samples


@dataclass(frozen=True, slots=True)
class Music:
    """What a track is as music."""

    rhythm: Rhythm | None
    harmony: Harmony | None
    voices: Voices | None
    sections: Sections | None


class MusicMeter:
    """Measures a stream block by block; blocks are not changed."""

    def __init__(self, rate: int) -> None:
        self._rate, self._frames = rate, 0
        self._lowering = Lowering(rate)
        self._onsets, self._pitches = OnsetCollector(), PitchCollector()
        model = load_model()
        self._voices = VoiceCollector(model) if model else None

    def push(self, block: Samples) -> None:
        """Measure the next frames: finite float32 of shape (n, 2)."""
        self._frames += len(block)
        self._take(self._lowering.push(block))

    def measure(self) -> Music:
        """Return what was measured of all frames; call it once."""
        self._take(self._lowering.finish())
        onsets, pitches = self._onsets.finish(), self._pitches.finish()
        rhythm = find_rhythm(onsets, pitches, self._rate, self._frames)
        return Music(
            rhythm,
            find_harmony(pitches),
            self._voices.finish() if self._voices else None,
            find_sections(rhythm, onsets, pitches, self._rate),
        )

    def _take(self, sound: Mono) -> None:
        if not len(sound):
            return
        self._onsets.push(sound)
        self._pitches.push(sound)
        if self._voices:
            self._voices.push(sound)
