"""Render any part of a mix: the samples that the whole mix has there, before encoding.

In: a timeline, two frames of it, and the files. Out: a `MixSpan`, which holds all that the part depends on
and nothing else, and its samples. A transition depends on all of its overlap and on a moment before it, the
limiter on a few milliseconds around each sample: so much more is rendered and not given out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from mixes.engine.cancellation import ShouldStop, never
from mixes.engine.codecs.seeking import SeekIndex, Sound
from mixes.engine.errors import TimelineError
from mixes.engine.mixing import limiter
from mixes.engine.mixing.mix_fades import cut_fades, fade_blocks
from mixes.engine.mixing.ride import PlacedRide, ride_blocks, rides_of
from mixes.engine.mixing.transitions import PRIME_S, RAMP_S
from mixes.engine.rendering.render import NO_SOUNDS, join_blocks
from mixes.engine.samples import Samples
from mixes.engine.timeline import Clip, Timeline, Transition


@dataclass(frozen=True, slots=True)
class MixSpan:
    """A part of a mix as a small mix of its own, the same wherever in a mix it is."""

    timeline: Timeline
    first: int  # clip of the whole mix that the timeline begins with
    skip: int  # frames at the timeline's beginning that are rendered, because of what follows, but not heard
    frames: int  # its length; the timeline may be longer
    rides: tuple[PlacedRide, ...]  # those of the timeline, and those of transitions beside it

    @property
    def clips(self) -> range:
        """The clips of the whole mix that sound in it."""
        return range(self.first, self.first + len(self.timeline.clips))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "timeline": self.timeline.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make a span of what `to_dict` gave; raises TimelineError, also for one of an earlier version."""
        if "rides" not in data:
            raise TimelineError("This part of the mix was asked for before an update. Ask for it again.")
        timeline = Timeline.from_dict(data["timeline"])
        rides = tuple(
            PlacedRide(placed["origin"], tuple((s, level_db) for s, level_db in placed["ride"]))
            for placed in data["rides"]
        )
        return cls(timeline, data["first"], data["skip"], data["frames"], rides)


def cut_span(timeline: Timeline, first: int, last: int) -> MixSpan:
    """Return the part of a mix from frame `first` to before frame `last`, at least one frame.

    Names, reasons and tracklist are left out, so that it stays the same when a user corrects them.
    """
    reach = limiter.reach(timeline.rate)
    start, end = max(0, first - reach), min(timeline.frames, last + reach)
    final = max((i for i in range(len(timeline.clips)) if sounds_from(timeline, i) < end), default=0)
    start, opening = extend_start(timeline, start, final)
    end = extend_end(timeline, end, final)
    clips = tuple(cut_clip(clip, start, end) for clip in timeline.clips[opening : final + 1])
    transitions = tuple(
        replace(transition, reason="", crossover=0, ride=(), bars=0, why_not_club="")
        for transition in timeline.transitions[opening:final]
    )
    rides = (replace(placed, origin=placed.origin - start) for placed in rides_of(timeline))
    touching = tuple(placed for placed in rides if touches(placed, timeline.rate, end - start))
    fades = cut_fades(timeline.fades, start, end)
    part = Timeline(timeline.rate, clips, transitions, fades)
    return MixSpan(part, opening, first - start, last - first, touching)


def extend_start(timeline: Timeline, start: int, final: int) -> tuple[int, int]:
    """Return from where it has to be rendered, and the first clip that sounds there.

    Nothing may begin inside a transition, a ramp or a gap.
    """
    prime, ramp = round(PRIME_S * timeline.rate), round(RAMP_S * timeline.rate)
    while True:
        opening = next(index for index, clip in enumerate(timeline.clips) if clip.end > start)
        clip = timeline.clips[opening]
        wanted = [start]
        for before, after, transition in list(timeline.joins())[:final]:
            window = mixed_window(before, after, transition, ramp)
            if window[1] > start:
                wanted.append(max(0, window[0] - prime))
        wanted += [low for low, high in rising_ramps(clip, ramp) if low < start < high]
        if min(wanted) == start:
            return start, opening
        start = min(wanted)


def extend_end(timeline: Timeline, end: int, final: int) -> int:
    """Return up to where the last clip has to be read, so that no transition or ramp is cut."""
    ramp, clip = round(RAMP_S * timeline.rate), timeline.clips[final]
    end = max(end, clip.start + 1)
    if final:
        before, transition = timeline.clips[final - 1], timeline.transitions[final - 1]
        end = max(end, mixed_window(before, clip, transition, ramp)[1])
    while ramps := [high for low, high in falling_ramps(clip, ramp) if low < end < high]:
        end = max(ramps)
    return end


def sounds_from(timeline: Timeline, index: int) -> int:
    """Return the first frame of a mix that a clip, or the silence before it, has any influence on."""
    if not index:
        return 0
    before, after = timeline.clips[index - 1 : index + 1]
    return mixed_window(before, after, timeline.transitions[index - 1], round(RAMP_S * timeline.rate))[0]


def mixed_window(before: Clip, after: Clip, transition: Transition, ramp: int) -> tuple[int, int]:
    """Return the first frame that a transition or its silence changes, and the one behind the last."""
    if transition.overlap:
        return min(after.start, before.end), max(after.start, before.end)
    at_once = min(ramp, after.length)
    return after.start - at_once, after.start + at_once


def rising_ramps(clip: Clip, ramp: int) -> Iterator[tuple[int, int]]:
    """Yield where in the mix a clip rises: at its beginning, and behind each skip."""
    yield clip.start, clip.start + clip.ramp_in
    for seam, _ in clip.seams():
        yield clip.start + seam - 1, clip.start + seam + ramp


def falling_ramps(clip: Clip, ramp: int) -> Iterator[tuple[int, int]]:
    """Yield where in the mix a clip falls: before each skip, and at its end."""
    for seam, _ in clip.seams():
        yield clip.start + seam - ramp, clip.start + seam + 1
    yield clip.end - clip.ramp_out, clip.end


def touches(placed: PlacedRide, rate: int, frames: int) -> bool:
    """Tell whether a ride changes any of the first frames of a mix."""
    first, last = placed.bounds(rate)
    return first < frames and last > 0


def cut_clip(clip: Clip, start: int, end: int) -> Clip:
    """Return the part of a clip between two frames of the mix, counted from the first of them."""
    early, late = max(0, start - clip.start), max(0, clip.end - end)
    if early:  # behind the overlap, which is never cut: so what is stretched is over
        early_source, head_source, head_frames = early + clip.head_source - clip.head_frames, 0, 0
    else:
        early_source, head_source, head_frames = 0, clip.head_source, clip.head_frames
    return replace(
        clip,
        title="",
        artist="",
        unlisted=False,
        cue_in=clip.cue_in + early_source,
        length=clip.length - early - late,
        start=clip.start + early - start,
        ramp_in=0 if early else clip.ramp_in,
        ramp_out=0 if late else clip.ramp_out,
        head_source=head_source,
        head_frames=head_frames,
        gain_step=None,
        grid=None,
        encoded_because="",
    )


def render_span(
    span: MixSpan,
    paths: Sequence[Path],
    indexes: Sequence[SeekIndex | None] = (),
    *,
    ffmpeg: Path,
    should_stop: ShouldStop = never,
) -> Iterator[Samples]:
    """Yield the samples of a span, limited as in the mix.

    `paths` and `indexes` have one entry per clip of the span; without indexes, files are decoded from their
    beginnings. Raises DecodeError when a file is no longer what was measured, FfmpegError, Cancelled.
    """
    mixed = mix_span(span, paths, indexes, ffmpeg=ffmpeg, should_stop=should_stop)
    yield from cut_blocks(limiter.limit_blocks(mixed, span.timeline.rate), span.skip, span.frames)


def mix_span(
    span: MixSpan,
    paths: Sequence[Path],
    indexes: Sequence[SeekIndex | None] = (),
    *,
    sounds: Mapping[int, Sound] = NO_SOUNDS,
    ffmpeg: Path,
    should_stop: ShouldStop = never,
) -> Iterator[Samples]:
    """Yield all that is rendered for a span, before the limiter. Raises as `render_span`.

    `sounds` are clips, by their place in the span, that need no decoder: their samples from their cues on.
    """
    rate = span.timeline.rate
    joined = join_blocks(span.timeline, paths, indexes, sounds=sounds, ffmpeg=ffmpeg, should_stop=should_stop)
    yield from fade_blocks(ride_blocks(joined, span.rides, rate), span.timeline.fades)


def cut_blocks(blocks: Iterable[Samples], skip: int, frames: int) -> Iterator[Samples]:
    """Yield `frames` frames of the blocks without the first `skip`, reading no further than needed."""
    for block in blocks:
        kept = block[skip : skip + frames]
        skip = max(0, skip - len(block))
        frames -= len(kept)
        if len(kept):
            yield kept
        if not frames:
            return
