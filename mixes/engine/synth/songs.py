"""Generate short tonal songs: copyright-free music for the demo and the tests.

In: a `Song`, which holds a few numbers. Out: blocks of float32 stereo, one for each bar, or a tagged file.
The same song and rate give the same samples: all random numbers come from the song's seed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.errors import EngineError
from mixes.engine.processes.sandbox import Limits, run_child
from mixes.engine.synth import instruments

Samples = NDArray[np.float32]  # shape (frames, 2), full scale at 1.0
Mode = Literal["major", "minor"]
SongEnding = Literal["cold", "ring_out", "fade_out", "held"]
Motif = list[tuple[int, int]]  # (eighth note of the bar, scale steps above the chord's root)

SCALES: dict[Mode, tuple[int, ...]] = {  # semitones above the tonic
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
BEATS = 4  # per bar
SLOTS = 8  # eighth notes per bar: the grid of the melody
MAX_MELODY_NOTE = 86  # MIDI note, 1,175 Hz: higher bells are shrill
RING_S = 6.0  # length of the last chord of a ring-out
DECLICK_S = 0.005  # fade where sound is cut
LEVEL = 1.1  # gain before soft clipping: the body of a loud song then has about -12 LUFS
CODECS: dict[str, tuple[str, ...]] = {
    ".mp3": ("-c:a", "libmp3lame", "-b:a", "320k", "-id3v2_version", "3"),
    ".wav": ("-c:a", "pcm_s16le"),
    ".flac": ("-c:a", "flac"),
    ".m4a": ("-c:a", "aac", "-b:a", "256k"),
    ".ogg": ("-c:a", "libvorbis", "-q:a", "6"),
    ".opus": ("-c:a", "libopus", "-b:a", "160k"),
}


@dataclass(frozen=True, slots=True)
class Song:
    """The parameters of one song. Chords are scale degrees from 0, one for each bar, repeated."""

    title: str
    artist: str
    album: str
    bpm: float
    tonic: int  # MIDI note: 60 is middle C
    mode: Mode
    chords: tuple[int, ...]
    intro_bars: int
    body_bars: int
    outro_bars: int  # also the length of the fade of a `fade_out`
    ending: SongEnding
    seed: int
    track_number: int | None = None
    level_db: float = 0.0  # relative to a loud master
    silence_before_s: float = 0.0
    silence_after_s: float = 0.0

    @property
    def bars(self) -> int:
        return self.intro_bars + self.body_bars + self.outro_bars

    @property
    def file_stem(self) -> str:
        return f"{self.artist} - {self.title}"

    def bar_frames(self, rate: int) -> int:
        """Return the whole number of frames of each bar."""
        return round(rate * BEATS * 60 / self.bpm)

    def frames(self, rate: int) -> int:
        """Return the frames of the whole song, including the silence before and after it."""
        ring = round(RING_S * rate) if self.ending == "ring_out" else 0
        around = round(self.silence_before_s * rate) + round(self.silence_after_s * rate)
        return self.bars * self.bar_frames(rate) + ring + around


DEMO_SONGS: tuple[Song, Song, Song] = (
    Song(
        title="Paper Lanterns",
        artist="The Sine Waves",
        album="Lights on the Canal",
        bpm=84,
        tonic=62,
        mode="major",
        chords=(0, 4, 5, 3),
        intro_bars=2,
        body_bars=6,
        outro_bars=4,
        ending="fade_out",
        seed=7,
        silence_before_s=0.7,
        silence_after_s=1.0,
    ),
    Song(
        title="Night Bus Home",
        artist="Low Tide Choir",
        album="Last Stop",
        bpm=104,
        tonic=57,
        mode="minor",
        chords=(0, 5, 2, 6),
        intro_bars=2,
        body_bars=12,
        outro_bars=2,
        ending="cold",
        seed=11,
        level_db=-3.0,
    ),
    Song(
        title="Slow Sunday",
        artist="Pocket Orchestra",
        album="Kitchen Windows",
        bpm=92,
        tonic=65,
        mode="major",
        chords=(0, 3, 1, 4),
        intro_bars=2,
        body_bars=8,
        outro_bars=1,
        ending="ring_out",
        seed=23,
        level_db=-5.0,
        silence_after_s=0.8,
    ),
)
ENDINGS: tuple[SongEnding, ...] = ("fade_out", "cold", "ring_out", "held")
PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 1, 4), (0, 2, 3, 4), (5, 3, 0, 4))
FIRST_WORDS = ("Paper", "Glass", "Northern", "Quiet", "Amber", "Winter", "Copper", "Distant", "Velvet")
SECOND_WORDS = ("Harbour", "Meadow", "Signals", "Rivers", "Garden", "Compass", "Tides", "Windows", "Orbit")


def make_songs(count: int, *, seconds: float = 40.0, seed: int = 0) -> tuple[Song, ...]:
    """Return `count` songs of about `seconds` each, with different keys, tempos, levels and endings."""
    rng = np.random.default_rng(seed)
    return tuple(_make_song(number, seconds, rng) for number in range(1, count + 1))


def song_blocks(song: Song, rate: int = 44_100) -> Iterator[Samples]:
    """Yield the song as blocks of shape (frames, 2), about a bar each; `song.frames(rate)` in total."""
    yield _silence(song.silence_before_s, rate)
    yield from _shape_end(song, rate, _play(song, rate))
    yield _silence(song.silence_after_s, rate)


def render_song(song: Song, rate: int = 44_100) -> Samples:
    """Return the whole song, shape (frames, 2): 21 MB a minute at 44.1 kHz."""
    return np.concatenate(list(song_blocks(song, rate)))


def write_song(
    ffmpeg: Path, song: Song, path: Path, *, rate: int = 44_100, should_stop: ShouldStop = never
) -> Path:
    """Write the song with its tags, in the format of the file name's suffix (see CODECS); return the path.

    Raises EngineError for an unknown suffix, FfmpegError when encoding fails, Cancelled when `should_stop`
    says so.
    """
    codec = CODECS.get(path.suffix.lower())
    if codec is None:
        raise EngineError(f"{path.name}: songs can be written as {', '.join(CODECS)}.")
    path = path.absolute()
    source = ("-f", "f32le", "-ar", str(rate), "-ac", "2", "-i", "pipe:0")
    bitexact = ("-fflags", "+bitexact", "-flags:a", "+bitexact")  # no version, no date: reproducible
    argv = [str(ffmpeg), "-hide_banner", "-nostats", "-v", "level+error", "-y", *source, *_tags(song), *codec]
    argv += [*bitexact, f"file:{path}"]
    feed = (block.tobytes() for block in song_blocks(song, rate))
    run_child(argv, limits=Limits(), write=(path.parent,), feed=feed, should_stop=should_stop)
    return path


def _tags(song: Song) -> list[str]:
    tags = {"title": song.title, "artist": song.artist, "album": song.album, "track": song.track_number}
    return [part for name, value in tags.items() if value for part in ("-metadata", f"{name}={value}")]


def _make_song(number: int, seconds: float, rng: np.random.Generator) -> Song:
    bpm = float(rng.integers(76, 124))
    bars = max(5, round(seconds / (BEATS * 60 / bpm)))
    outro = max(1, min(4, bars // 4))
    intro = max(1, min(4, bars // 4))
    first, second = rng.choice(FIRST_WORDS), rng.choice(SECOND_WORDS)
    return Song(
        title=f"{first} {second} {number}",
        artist=f"The {rng.choice(SECOND_WORDS)}",
        album=f"{rng.choice(FIRST_WORDS)} Songs {number}",  # one per song: an album joins gapless
        bpm=bpm,
        tonic=int(rng.integers(55, 67)),
        mode="major" if rng.random() < 0.5 else "minor",
        chords=PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))],
        intro_bars=intro,
        body_bars=bars - intro - outro,
        outro_bars=outro,
        ending=ENDINGS[number % len(ENDINGS)],
        seed=int(rng.integers(1 << 31)),
        level_db=float(rng.integers(-8, 1)),
        silence_before_s=float(rng.integers(0, 10)) / 10,
        silence_after_s=float(rng.integers(0, 20)) / 10,
    )


# ---- arrangement


@dataclass(frozen=True, slots=True)
class _Note:
    """A sound placed in a bar: `at` frames after its beginning, `pan` from left (0) to right (1)."""

    at: int
    sound: instruments.Mono
    gain: float
    pan: float = 0.5


class _MixBuffer:
    """A stereo mix buffer for sounds that last longer than the bar they start in."""

    def __init__(self) -> None:
        self._pending = np.zeros((0, 2), dtype=np.float32)

    def add(self, at: int, sound: Samples) -> None:
        """Add a sound, shape (frames, 2), `at` frames after the current position."""
        missing = at + len(sound) - len(self._pending)
        if missing > 0:
            self._pending = np.concatenate([self._pending, np.zeros((missing, 2), dtype=np.float32)])
        self._pending[at : at + len(sound)] += sound

    def pop(self, frames: int) -> Samples:
        """Remove and return the next `frames` frames, shape (frames, 2)."""
        self.add(0, np.zeros((frames, 2), dtype=np.float32))
        popped, self._pending = self._pending[:frames], self._pending[frames:]
        return popped


def _play(song: Song, rate: int) -> Iterator[Samples]:
    """Yield the bars, then the ring-out of the last chord, before any fade; shape (frames, 2) each."""
    dry, room = _MixBuffer(), _MixBuffer()
    reverb = instruments.reverb(song.seed, rate)
    melody = _melody(song)
    size = song.bar_frames(rate)
    for bar in range(song.bars):
        for note in _bar_notes(song, bar, melody, rate):
            dry.add(note.at, _pan(note))
        yield _add_room(song, dry.pop(size), room, reverb)
    if song.ending == "ring_out":
        for note in _last_chord(song, rate):
            dry.add(note.at, _pan(note))
        yield _add_room(song, dry.pop(round(RING_S * rate)), room, reverb)


def _add_room(song: Song, dry: Samples, room: _MixBuffer, reverb: Samples) -> Samples:
    """Return the dry sound with reverb, soft-clipped and scaled to the song's level; shape (frames, 2)."""
    room.add(0, _convolve(dry, reverb))
    loud = np.tanh(LEVEL * (dry + room.pop(len(dry))))
    peak = 0.89 * 10 ** (song.level_db / 20)  # a loud master peaks 1 dB below full scale
    mixed: Samples = (peak * loud).astype(np.float32)
    return mixed


def _bar_notes(song: Song, bar: int, melody: Sequence[Motif], rate: int) -> Iterator[_Note]:
    """Yield the notes of one bar: the body has all instruments, intro and outro have fewer."""
    in_body = song.intro_bars <= bar < song.intro_bars + song.body_bars
    in_intro = bar < song.intro_bars
    yield from _pads(song, bar, rate)
    if song.ending == "held" and not in_body and not in_intro:
        return
    yield from _arpeggio(song, bar, rate)
    if in_intro:
        return
    yield from _bass(song, bar, rate)
    yield from _melody_notes(song, bar, melody[bar % len(melody)], rate)
    if in_body or song.ending in ("cold", "fade_out"):
        yield from _drums(song, bar, rate)


def _pads(song: Song, bar: int, rate: int) -> Iterator[_Note]:
    """Yield a soft chord, each note twice: detuned by 4 cents down on the left and up on the right."""
    size = song.bar_frames(rate)
    for index, midi in enumerate(_chord(song, bar)):
        yield _Note(0, instruments.pad(midi, -4, size, rate), 0.075, 0.1 + 0.1 * index)
        yield _Note(0, instruments.pad(midi, 4, size, rate), 0.075, 0.9 - 0.1 * index)


def _arpeggio(song: Song, bar: int, rate: int) -> Iterator[_Note]:
    chord = _chord(song, bar)
    for slot, index in enumerate((0, 1, 2, 1, 0, 2, 1, 2)):
        sound = instruments.pluck(chord[index] + 12, rate)
        yield _Note(_slot(song, slot, rate), sound, 0.045, 0.3 + 0.4 * (slot % 2))


def _bass(song: Song, bar: int, rate: int) -> Iterator[_Note]:
    root = _degree(song, _degree_of(song, bar)) - 24
    for slot, gain in ((0, 0.30), (3, 0.20), (4, 0.26)):
        yield _Note(_slot(song, slot, rate), instruments.bass_note(root, rate), gain)


def _melody_notes(song: Song, bar: int, motif: Motif, rate: int) -> Iterator[_Note]:
    for slot, step in motif:
        midi = _degree(song, _degree_of(song, bar) + step) + 12
        midi -= 12 if midi > MAX_MELODY_NOTE else 0
        yield _Note(_slot(song, slot, rate), instruments.bell(midi, rate), 0.14, 0.55)


def _drums(song: Song, bar: int, rate: int) -> Iterator[_Note]:
    rng = np.random.default_rng((song.seed, bar))
    for slot in (0, 4) if bar % 2 == 0 else (0, 3, 4):
        yield _Note(_slot(song, slot, rate), instruments.kick(rate), 0.42)
    for slot in (2, 6):
        yield _Note(_slot(song, slot, rate), instruments.brush(rate), 0.10, 0.45)
    for slot in range(SLOTS):
        strength = (0.035 if slot % 2 else 0.05) * float(rng.uniform(0.7, 1.0))
        yield _Note(_slot(song, slot, rate), instruments.hat(rate), strength, 0.65)


def _last_chord(song: Song, rate: int) -> Iterator[_Note]:
    for index, midi in enumerate((song.tonic - 12, *_chord_on(song, 0), song.tonic + 12)):
        sound = instruments.bell(midi, rate, decay_s=1.6)
        yield _Note(round(0.03 * index * rate), sound, 0.2, 0.15 * (index + 1))


def _melody(song: Song) -> list[Motif]:
    """Return two motifs in the order A A B A, one for each bar."""
    rng = np.random.default_rng(song.seed)
    first, second = _motif(rng), _motif(rng)
    return [first, first, second, first]


def _motif(rng: np.random.Generator) -> Motif:
    """Return a motif with chord notes on the strong slots and passing notes between, so it fits any chord."""
    notes: Motif = []
    step = int(rng.choice((0, 2, 4)))
    for slot in range(SLOTS):
        if slot % 4 and rng.random() < 0.45:
            continue
        step = int(np.clip(step + rng.integers(-2, 3), 0, 7))
        notes.append((slot, step if slot % 4 else step // 2 * 2))
    return notes


def _slot(song: Song, slot: int, rate: int) -> int:
    return round(slot * song.bar_frames(rate) / SLOTS)


def _degree_of(song: Song, bar: int) -> int:
    return song.chords[bar % len(song.chords)]


def _degree(song: Song, degree: int) -> int:
    """Return the MIDI note of a scale degree; 7 is an octave above 0."""
    scale = SCALES[song.mode]
    return song.tonic + 12 * (degree // len(scale)) + scale[degree % len(scale)]


def _chord(song: Song, bar: int) -> tuple[int, ...]:
    return _chord_on(song, _degree_of(song, bar))


def _chord_on(song: Song, degree: int) -> tuple[int, ...]:
    """Return the triad on a degree as MIDI notes, folded below the tonic's fifth for close voicings."""
    notes = (_degree(song, degree + third) for third in (0, 2, 4))
    return tuple(sorted(note - 12 if note > song.tonic + 7 else note for note in notes))


def _pan(note: _Note) -> Samples:
    """Return the note as stereo with equal-power panning, shape (frames, 2)."""
    angle = note.pan * np.pi / 2
    sides = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(note.gain * np.sqrt(2))
    panned: Samples = note.sound[:, None] * sides
    return panned


def _convolve(sound: Samples, response: Samples) -> Samples:
    frames = len(sound) + len(response) - 1
    size = 1 << (frames - 1).bit_length()
    spectrum = np.fft.rfft(sound, size, axis=0) * np.fft.rfft(response, size, axis=0)
    return np.fft.irfft(spectrum, size, axis=0)[:frames].astype(np.float32)


def _shape_end(song: Song, rate: int, blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Yield the blocks faded to 0 at the end: over the outro for a fade-out, else only against a click."""
    outro_s = song.outro_bars * song.bar_frames(rate) / rate
    fade_s = {"fade_out": outro_s, "ring_out": 0.5}.get(song.ending, DECLICK_S)
    left = song.frames(rate) - round(song.silence_before_s * rate) - round(song.silence_after_s * rate)
    for block in blocks:
        gain = np.clip((left - 1 - np.arange(len(block))) / (fade_s * rate), 0.0, 1.0)
        yield (block * (gain**2)[:, None]).astype(np.float32)
        left -= len(block)


def _silence(seconds: float, rate: int) -> Samples:
    return np.zeros((round(seconds * rate), 2), dtype=np.float32)
