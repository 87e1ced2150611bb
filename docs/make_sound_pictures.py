"""Draw the pictures of docs/sound.md: `python -m docs.make_sound_pictures`.

Generated songs are analysed and planned as in a mix. Each planned join is drawn as on its page: the song that
ends above, the next one below, the overlap shaded, the gain of each a line. Marks on top are trusted beats.
"""

import os
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import django
import scipy.io.wavfile

from mixes.engine.analysis.track import TrackAnalysis, analyse_track
from mixes.engine.mixing.plan import plan_mix
from mixes.engine.mixing.settings import MixSettings
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixes.engine.synth.pieces import Piece, make_piece
from mixes.engine.synth.songs import Song, make_songs, write_song
from mixes.engine.tags.tags import Tags
from mixes.engine.timeline import Clip, Timeline

FOLDER = Path(__file__).parent / "pictures"
RATE, SONG_S, SEED = 44_100, 60.0, 11
HEIGHT, LANE_STEP, TOP, WORDS_A_LINE = 290, 112, 70, 118
COLOURS = (("#c23f27", "#e3a79b"), ("#1d6a6a", "#9fbfbc"))  # body and peaks of each lane, as on light pages
BEAT_PX, BAR_PX = 5, 10
WIDTH = 800  # of what `draw_join` draws


def main() -> None:
    """Draw all pictures into docs/pictures."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    django.setup()
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, tracks, style in pairs(Path(scratch)):
            timeline = plan_mix(tracks, MixSettings(style=style)).timeline
            (FOLDER / f"{name}.svg").write_text(draw(timeline, tracks), encoding="utf-8")


def pairs(folder: Path) -> Iterator[tuple[str, list[TrackAnalysis], str]]:
    """Yield the name of each picture, the two songs of its join and the style of the mix."""
    first, second = make_songs(2, seconds=SONG_S, seed=SEED)
    faded = replace(first, title="A song that fades out", ending="fade_out", outro_bars=6)
    quiet = replace(second, title="A song that begins quietly", intro_bars=4)
    cold = replace(first, title="A song that stops at full level", ending="cold", outro_bars=0)
    loud = replace(second, title="A song that begins at once", intro_bars=0)
    yield "fade-out", [analyse_song(folder, song) for song in (faded, quiet)], "smooth"
    yield "full-level", [analyse_song(folder, song) for song in (cold, loud)], "smooth"
    house = [analyse_piece(folder, Piece("house", seed)) for seed in (5, 6)]  # their tempos are 2 % apart
    yield "beat-on-beat", house, "club"


def analyse_song(folder: Path, song: Song) -> TrackAnalysis:
    ffmpeg = find_ffmpeg()
    return analyse_track(ffmpeg, write_song(ffmpeg, song, folder / f"{song.title}.flac"))


def analyse_piece(folder: Path, piece: Piece) -> TrackAnalysis:
    path = folder / f"{piece.name}.wav"
    scipy.io.wavfile.write(path, RATE, make_piece(piece, RATE)[0])
    analysis = analyse_track(find_ffmpeg(), path)
    assert analysis.rhythm is not None
    return replace(analysis, tags=Tags(f"House, {analysis.rhythm.tempo:.0f} BPM"))


def draw(timeline: Timeline, tracks: Sequence[TrackAnalysis]) -> str:
    """Return the SVG of the one join of a timeline, with the sentence of its reason below."""
    from mixes.pages.join_page import draw_join  # needs Django

    picture = draw_join(timeline, 0, tracks)
    scale = WIDTH / picture.shown_s
    first_s = timeline.clips[1].start / timeline.rate - picture.before_s
    lanes = [
        draw_lane(
            number,
            (
                *paths,
                curve,
                beat_marks(timeline.clips[number], tracks[number], timeline.rate, first_s, scale),
            ),
            tracks[number].tags.title,
        )
        for number, (paths, curve) in enumerate(
            ((picture.outgoing, picture.falling), (picture.incoming, picture.rising))
        )
    ]
    transition = timeline.transitions[0]
    words = textwrap.wrap(f"{transition.style}: {transition.reason}", WORDS_A_LINE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fffaf0"/>'
        f'<rect x="{picture.overlap_x}" y="{TOP - 6}" width="{picture.overlap_width}" height="218" '
        f'fill="#d99a1c" fill-opacity="0.3"/>{"".join(lanes)}'
        + "".join(
            f'<text x="6" y="{16 + 18 * line}" fill="#28241f">{escape(text)}</text>'
            for line, text in enumerate(words)
        )
        + "</svg>\n"
    )


def draw_lane(number: int, paths: tuple[str, str, str, str], title: str) -> str:
    """Return one lane from the paths of its peaks, body, gain and beats."""
    peaks, body, gain, beats = paths
    dark, faint = COLOURS[number]
    return (
        f'<g transform="translate(0 {TOP + number * LANE_STEP})"><path fill="{faint}" d="{peaks}"/>'
        f'<path fill="{dark}" d="{body}"/><path fill="none" stroke="#8a5a00" stroke-width="2" d="{gain}"/>'
        f'<path fill="none" stroke="#57514a" d="{beats}"/>'
        f'<text x="6" y="98" fill="{dark}">{escape(title)}</text></g>'
    )


def beat_marks(clip: Clip, track: TrackAnalysis, clip_rate: int, first_s: float, scale: float) -> str:
    """Return the path of a mark at each trusted beat of a clip; a longer one where a bar begins."""
    rhythm = track.rhythm
    if rhythm is None or not rhythm.is_steady:
        return ""
    bars = set(rhythm.downbeats) if rhythm.has_bars else set()
    marks = []
    for beat in rhythm.beats:
        source = beat * clip_rate / track.rate - clip.cue_in
        at = ((clip.start + clip.place_of(source)) / clip_rate - first_s) * scale
        if 0 <= source < clip.source_length and 0 <= at <= WIDTH:
            marks.append(f"M{at:.1f} 0v{BAR_PX if beat in bars else BEAT_PX}")
    return " ".join(marks)


if __name__ == "__main__":
    main()
