"""Analyse a track in one pass over its decoded sound; the result is stored as JSON.

In: the path of a file. Out: a `TrackAnalysis` with exact length, loudness, true peak, loudness curve, cue
points, outline and tags, or a `DecodeError` that says in one sentence why the track cannot be used.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from itertools import count
from math import isfinite
from pathlib import Path
from typing import Any, Self

import numpy as np

from mixes.engine.analysis.bass import BassMeter
from mixes.engine.analysis.cues import CuePoints, find_cues, find_silences
from mixes.engine.analysis.damage import find_damage
from mixes.engine.analysis.detail import DetailCollector
from mixes.engine.analysis.edges import EdgeMeter, Edges
from mixes.engine.analysis.frame_peaks import FramePeaks
from mixes.engine.analysis.loudness import LoudnessMeter
from mixes.engine.analysis.peaks import Pairs, PeakCollector, pack_pairs, unpack_pairs
from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.decode import Decoder, StreamInfo, open_track
from mixes.engine.codecs.seeking import SeekIndex, SeekIndexer
from mixes.engine.errors import Cancelled, DecodeError, EngineError
from mixes.engine.hashing import hash_file
from mixes.engine.music.measured import Harmony, Rhythm, Sections, Voices
from mixes.engine.music.meter import MusicMeter
from mixes.engine.passthrough.facts import Mp3Facts, read_facts
from mixes.engine.passthrough.proof import gives_same_sound
from mixes.engine.processes.ffmpeg import MAX_TRACK_S
from mixes.engine.samples import Samples
from mixes.engine.tags.tags import Tags, read_tags, tags_from_name

ANALYSIS_VERSION = 4  # raised whenever the same file gives different measurements
MUSIC_VERSION = 4  # the first one that looks for beat and key
READABLE_VERSIONS = (1, 2, 3, 4)  # what an older one did not measure has its default
MUSIC: dict[str, type[Rhythm | Harmony | Voices | Sections]] = {  # the fields of `music/measured`
    "rhythm": Rhythm,
    "harmony": Harmony,
    "voices": Voices,
    "sections": Sections,
}
TAGS_UNREADABLE = "Its tags could not be read, so its names come from the file name."
SOUNDS_DIFFERENT = "its frames sound different when they are copied"
SOUND_FLOOR = 10 ** (-60 / 20)  # -60 dBFS: quieter samples at both ends count as silence
MIN_SOUND_S = 0.5
CURVE_FLOOR_LUFS = -120.0  # represents silence: JSON has no infinity
BLOCK_FRAMES = 16_384  # per read: the memory of larger blocks returns to the system each time
BLOCKS_PER_REPORT = 64  # 24 s of sound at 44.1 kHz


@dataclass(frozen=True, slots=True)
class TrackAnalysis:
    """The measurements of one track. Frames are counted at `rate`, from the file's first sample."""

    version: int
    sha256: str  # of the file
    rate: int  # Hz, the file's own
    frames: int
    codec: str
    channels: int | None  # of the file, None for a layout that ffmpeg does not name
    integrated_lufs: float | None  # None for a track too short or too quiet for the gate
    range_lu: float
    true_peak_dbtp: float
    momentary: tuple[float, ...] = field(repr=False)  # LUFS of 400 ms from k * 0.1 s on, at least -120.0
    cues: CuePoints
    peaks: Pairs = field(repr=False)  # (lowest, highest), -127 to 127, evenly spaced
    tags: Tags
    damaged_places: int  # number of decode errors; the name is a key of stored analyses
    repaired_samples: int  # NaN, infinite or absurdly loud samples
    notes: tuple[str, ...]  # sentences for the user on problems of the file
    # since version 2; None where it is not known
    silences: tuple[tuple[float, float], ...] = ()  # inside the song, longer than 3 s: start and length in s
    start_above_floor_db: float | None = None  # level of the first 200 ms above the noise there
    end_above_floor_db: float | None = None  # and of the last 200 ms
    lead_noise_s: float = 0.0  # steady noise in front of the song, which is not used
    tail_noise_s: float = 0.0  # and behind it
    bass_start_db: float | None = None  # under 120 Hz, relative to the whole, in the first 20 s of the body
    bass_end_db: float | None = None  # and in the last 20 s
    # since version 3
    bass: tuple[float, ...] = field(default=(), repr=False)  # dB: mean square under 120 Hz, second by second
    seek_index: SeekIndex | None = field(default=None, repr=False)
    # since version 4; None where it is not known
    rhythm: Rhythm | None = field(default=None, repr=False)
    harmony: Harmony | None = None
    voices: Voices | None = field(default=None, repr=False)
    sections: Sections | None = field(default=None, repr=False)
    mp3: Mp3Facts | None = None  # None for other files
    # not part of the JSON, since only close looks need it
    detail: bytes = field(default=b"", repr=False, compare=False)  # of `analysis/detail`

    @property
    def duration_s(self) -> float:
        return self.frames / self.rate

    def to_json(self) -> dict[str, Any]:
        """Return the analysis without `detail` as plain types for `json.dump`."""
        index = self.seek_index.to_json() if self.seek_index else None
        mp3 = self.mp3.to_json() if self.mp3 else None
        data = {**asdict(self), "peaks": pack_pairs(self.peaks), "seek_index": index, "mp3": mp3}
        for name in MUSIC:
            part = getattr(self, name)
            data[name] = part.to_json() if part else None
        del data["detail"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the analysis stored by `to_json`.

        Raises ValueError when it has another version, KeyError or TypeError when it is damaged.
        """
        if data["version"] not in READABLE_VERSIONS:
            raise ValueError(f"This analysis has version {data['version']}, not {ANALYSIS_VERSION}.")
        read = dict(data)
        read["momentary"] = tuple(map(_intern_level, data["momentary"]))
        read["peaks"] = unpack_pairs(data["peaks"])
        read["bass"] = tuple(map(_intern_level, data.get("bass", ())))
        read["cues"] = CuePoints(**data["cues"])
        read["tags"] = Tags.from_dict(data["tags"])
        read["notes"] = tuple(data["notes"])
        read["seek_index"] = SeekIndex.from_json(data["seek_index"]) if data.get("seek_index") else None
        read["mp3"] = Mp3Facts.from_json(data["mp3"]) if data.get("mp3") else None
        read["silences"] = tuple((start_s, length_s) for start_s, length_s in data.get("silences", ()))
        for name, part in MUSIC.items():
            read[name] = part.from_json(data[name]) if data.get(name) else None
        return cls(**read)


@cache
def _intern_level(level: float) -> float:
    """Return one shared object for equal values: hundreds of curves hold only a few thousand values."""
    return level


def analyse_track(
    ffmpeg: Path,
    path: Path,
    *,
    name: str | None = None,
    sha256: str | None = None,
    max_s: float = MAX_TRACK_S,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: ShouldStop = never,
) -> TrackAnalysis:
    """Decode a track once and return its analysis.

    `name` is the user's name of the file, for the tags; `sha256` is the hash of its bytes if known.
    `on_progress` receives the finished fraction when the file declares its length. Raises DecodeError when
    the track cannot be used, Cancelled when `should_stop` says so.
    """
    with open_track(ffmpeg, path, None, max_s=max_s + 1.0, should_stop=should_stop) as decoder:
        facts = read_facts(path) if decoder.info.codec == "mp3" else None
        meter = TrackMeter(decoder.rate, facts)
        for block in _read_blocks(decoder, on_progress):
            meter.push(block)
            if meter.frames > max_s * decoder.rate:
                raise DecodeError(path, f"it is longer than the {max_s / 60:g} minutes a track may have.")
    meter.require_sound(path)
    tags, tag_notes = read_tags_or_name(path, name, should_stop)
    damage = find_damage(ffmpeg, decoder, should_stop)
    cues, edges = meter.find_cues(), meter.find_edges()
    music = meter.music.measure()
    bass_start_db, bass_end_db = meter.bass.edges_db(cues.intro_end, cues.outro_start)
    index = meter.seek_indexer.index()
    mp3 = meter.find_facts(damage.errors + decoder.repaired_samples)
    if mp3 and not mp3.reason and not gives_same_sound(ffmpeg, path, mp3, index, should_stop=should_stop):
        mp3 = Mp3Facts(reason=SOUNDS_DIFFERENT)
    return TrackAnalysis(
        version=ANALYSIS_VERSION,
        sha256=hash_file(path, should_stop) if sha256 is None else sha256,
        rate=decoder.rate,
        frames=meter.frames,
        codec=decoder.info.codec,
        channels=decoder.info.channels,
        integrated_lufs=meter.integrated_lufs,
        range_lu=round(meter.loudness.range_lu, 2),
        true_peak_dbtp=round(meter.loudness.true_peak_dbtp, 2),
        momentary=meter.momentary,
        cues=cues,
        peaks=meter.peaks.pairs(),
        tags=tags,
        damaged_places=damage.errors,
        repaired_samples=decoder.repaired_samples,
        notes=(*tag_notes, *stream_notes(decoder.info), *damage.notes),
        silences=find_silences(meter.momentary, meter.integrated_lufs, cues, rate=decoder.rate),
        start_above_floor_db=edges.start_above_floor_db,
        end_above_floor_db=edges.end_above_floor_db,
        lead_noise_s=round(edges.noise_until / decoder.rate, 2),
        tail_noise_s=round((meter.frames - edges.noise_from) / decoder.rate, 2),
        bass_start_db=bass_start_db,
        bass_end_db=bass_end_db,
        bass=meter.bass.curve_db(),
        seek_index=index,
        rhythm=music.rhythm,
        harmony=music.harmony,
        voices=music.voices,
        sections=music.sections,
        mp3=mp3,
        detail=meter.detail.to_bytes(),
    )


class TrackMeter:
    """Takes all measurements of a track's sound in one pass over its blocks."""

    def __init__(self, rate: int, mp3: Mp3Facts | None = None) -> None:
        """Measure a song at its own rate; `mp3` are the facts of its frames, if it has some."""
        self.mp3 = mp3
        self.frame_peaks = FramePeaks(mp3.delay) if mp3 and not mp3.reason else None
        self.loudness = LoudnessMeter(rate)
        self.peaks = PeakCollector()
        self.detail = DetailCollector(rate)
        self.seek_indexer = SeekIndexer(rate)
        self.edges = EdgeMeter(rate)
        self.bass = BassMeter(rate)
        self.music = MusicMeter(rate)
        self.rate = rate
        self.frames = 0
        self.first_sound = self.last_sound = 0  # frames, the last exclusive; equal before any sound

    def push(self, block: Samples) -> None:
        """Measure the next frames: float32 of shape (n, 2), contiguous and finite."""
        self.loudness.push(block)
        self.peaks.push(block)
        self.detail.push(block)
        self.seek_indexer.push(block)
        self.edges.push(block)
        self.bass.push(block)
        self.music.push(block)
        if self.frame_peaks:
            self.frame_peaks.push(block)
        heard = np.abs(block.reshape(-1)) > SOUND_FLOOR
        if heard.any():
            if not self.last_sound:
                self.first_sound = self.frames + int(heard.argmax()) // 2
            self.last_sound = self.frames + len(block) - int(heard[::-1].argmax()) // 2
        self.frames += len(block)

    def require_sound(self, path: Path) -> None:
        """Raise DecodeError when the track is empty, silent, or shorter than MIN_SOUND_S of sound."""
        if not self.frames:
            raise DecodeError(path, "there is no sound in it.")
        if not self.last_sound:
            raise DecodeError(path, "it is silent from beginning to end.")
        if self.last_sound - self.first_sound < MIN_SOUND_S * self.rate:
            raise DecodeError(path, f"it has less than {MIN_SOUND_S:g} seconds of sound.")

    @property
    def integrated_lufs(self) -> float | None:
        loudness = round(self.loudness.integrated_lufs, 2)
        return loudness if isfinite(loudness) else None

    @property
    def momentary(self) -> tuple[float, ...]:
        curve = np.maximum(self.loudness.momentary_lufs, CURVE_FLOOR_LUFS)
        return tuple(np.round(curve, 2).tolist())

    def find_cues(self) -> CuePoints:
        """Return the cue points, computed from the stored curve, so that they can be recomputed from it."""
        edges = self.find_edges()
        return find_cues(
            self.momentary,
            self.integrated_lufs,
            rate=self.rate,
            frames=self.frames,
            first_sound=self.first_sound,
            last_sound=self.last_sound,
            noise_until=edges.noise_until,
            noise_from=edges.noise_from,
        )

    def find_facts(self, faults: int) -> Mp3Facts | None:
        """Return the facts of the song's frames with their peaks, if what was heard agrees with them."""
        if not self.mp3 or not self.frame_peaks:
            return self.mp3
        if faults:
            return Mp3Facts(reason="the file is damaged")
        if self.mp3.samples != self.frames:
            return Mp3Facts(reason="its length is not what its frames say")
        return replace(self.mp3, peaks=self.frame_peaks.finish(self.mp3.frames))

    def find_edges(self) -> Edges:
        """Return what the two ends are like."""
        return self.edges.edges(self.integrated_lufs)


def stream_notes(info: StreamInfo) -> tuple[str, ...]:
    """Return a sentence for a file with several sounds, such as a film in two languages."""
    if info.streams < 2:
        return ()
    used = f"number {info.stream + 1}, which the file marks as its default," if info.stream else "the first"
    return (f"There are {info.streams} sounds in the file; {used} is used.",)


def read_tags_or_name(path: Path, name: str | None, should_stop: ShouldStop) -> tuple[Tags, tuple[str, ...]]:
    """Return a file's tags, or names from its file name and a note when reading the tags fails.

    Raises Cancelled when `should_stop` says so.
    """
    try:
        return read_tags(path, name=name, should_stop=should_stop), ()
    except Cancelled:
        raise
    except EngineError:
        return tags_from_name(path.name if name is None else name), (TAGS_UNREADABLE,)


def _read_blocks(decoder: Decoder, on_progress: Callable[[float], None]) -> Iterator[Samples]:
    """Yield the whole track in blocks of shape (n, 2), reporting progress every BLOCKS_PER_REPORT blocks."""
    for index in count():
        block = decoder.read(BLOCK_FRAMES)
        if not len(block):
            return
        yield block
        if index % BLOCKS_PER_REPORT == 0:
            done_s, declared_s = (index + 1) * BLOCK_FRAMES / decoder.rate, decoder.info.declared_s
            on_progress(min(1.0, done_s / declared_s) if declared_s else 0.0)
