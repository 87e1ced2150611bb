"""The request for a mix and its outputs: immutable values that every stage reads."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.checks.check_sheet import CheckSheet
from mixes.engine.codecs.aac import DEFAULT_KBPS
from mixes.engine.filenames import file_stem
from mixes.engine.hashing import hash_file
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.pictures.look import VideoLook
from mixes.engine.pictures.pictures import VIDEO_SIZES, Size
from mixes.engine.sewing.report import PassedThrough
from mixes.engine.timeline import Timeline
from mixes.engine.tracklist.chapters import Chapter
from mixes.engine.tracklist.description import DEFAULT_HASHTAGS, DEFAULT_TEMPLATE

OnProgress = Callable[[str, float], None]  # stage, its finished fraction

FORMATS = ("mp3", "mp4")
STAGES = ("draw", "render", "video", "write", "check")  # in this order
SUFFIXES = {  # of each artifact's file name; the timeline, installed last, lists the others
    "mp3": ".mp3",
    "mp4": ".mp4",
    "description": ".txt",
    "cue": ".cue",
    "chapters": ".chapters.json",
    "timeline": ".timeline.json",
}
REQUIRED_FORMAT = {"mp3": "mp3", "mp4": "mp4", "cue": "mp3"}  # the format it needs; the rest is always made
PIPELINE_VERSION = 2  # raised whenever the same request gives different bytes


def ignore_progress(stage: str, fraction: float) -> None:
    """Do nothing; the default of every `on_progress`."""


@dataclass(frozen=True, slots=True)
class Source:
    """One track of a mix: its file and its analysis."""

    path: Path
    analysis: TrackAnalysis


@dataclass(frozen=True, slots=True)
class MixRequest:
    """Everything a mix is made from; the same request gives the same bytes."""

    sources: tuple[Source, ...]
    title: str
    artist: str = ""
    date: str = ""  # as written in the description
    settings: MixSettings = field(default_factory=MixSettings)
    joins: tuple[JoinSettings, ...] = ()
    uses: tuple[Use, ...] = ()
    formats: tuple[str, ...] = ("mp3",)
    bitrate_kbps: int = 320
    picture: Path | None = None
    size: Size = VIDEO_SIZES[0]
    title_cards: bool = False
    look: VideoLook = field(default_factory=VideoLook)
    description_template: str = DEFAULT_TEMPLATE
    hashtags: tuple[str, ...] = DEFAULT_HASHTAGS
    check: bool = True
    cores: int = 1  # changes the speed, never the bytes
    stem: str = ""  # of the files' names, where it is not that of the title

    @property
    def file_stem(self) -> str:
        return self.stem or file_stem(self.title)


@dataclass(frozen=True, slots=True)
class MixOutputs:
    """The outputs of a finished run. `checks` has one sheet per format; it is empty without checking."""

    timeline: Timeline
    chapters: tuple[Chapter, ...]
    artifacts: Mapping[str, Path]
    checks: Mapping[str, CheckSheet]
    notes: tuple[str, ...]  # sentences for the user
    timings_s: Mapping[str, float]
    passed_through: PassedThrough | None = None  # of the MP3; None where all of it was encoded
    sha256: Mapping[str, str] = field(default_factory=dict)  # by artifact kind, when checkpoints are kept


def file_names(request: MixRequest) -> list[str]:
    """Return the names of all files that a run makes; the timeline is last."""
    stem, formats = request.file_stem, request.formats
    return [
        stem + suffix for kind, suffix in SUFFIXES.items() if REQUIRED_FORMAT.get(kind, formats[0]) in formats
    ]


def expected_bytes(request: MixRequest, timeline: Timeline) -> int:
    """Estimate the most bytes that a run writes, for the check of the disk space."""
    width, height = request.size
    mp3 = request.bitrate_kbps * 125 if "mp3" in request.formats else 0
    # the AAC stream alone and in the MP4, and the picture: at most 1.2 bits a pixel every ten seconds
    mp4 = 2 * DEFAULT_KBPS * 125 + width * height * 0.15 / 10 if "mp4" in request.formats else 0
    cards = (
        len(timeline.clips) * width * height if mp4 and request.title_cards else 0
    )  # PNGs of about 1 byte a pixel
    return round(timeline.duration_s * (mp3 + mp4) + cards)


def request_key(request: MixRequest, timeline: Timeline) -> str:
    """Return a hash of everything that determines the bytes of the outputs: file contents, not paths."""
    content = {
        "workings": PIPELINE_VERSION,  # spelled as in the keys of checkpoints on disk
        "timeline": timeline.to_dict(),
        "sources": [source.analysis.sha256 for source in request.sources],
        "picture": hash_file(request.picture) if request.picture else "",
        "settings": asdict(request.settings),
        "look": request.look.to_json(),
        **{
            name: getattr(request, name)
            for name in ("title", "artist", "date", "formats", "bitrate_kbps", "size", "title_cards")
        },
        "text": [request.description_template, request.hashtags],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
