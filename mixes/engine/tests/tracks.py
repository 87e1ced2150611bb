"""Track analyses without sound files, for tests of planning."""

import hashlib

from mixes.engine.analysis.cues import CuePoints
from mixes.engine.analysis.track import ANALYSIS_VERSION, TrackAnalysis
from mixes.engine.tags.tags import Tags


def make_track(
    seconds,
    *,
    rate=44_100,
    lufs=-14.0,
    peak_dbtp=-3.0,
    cue_in_s=0.0,
    cue_out_s=None,
    outro_s=0.0,
    tags=None,
    cues=None,
    momentary=None,
    **flags,
):
    """Return a track with sound at `lufs` from its first to its last sample and an outro of `outro_s`."""
    frames = round(seconds * rate)
    cue_out = frames if cue_out_s is None else round(cue_out_s * rate)
    cue_in = round(cue_in_s * rate)
    outro = max(cue_in, cue_out - round(outro_s * rate))
    if momentary is None:
        momentary = (lufs,) * max(0, int((seconds - 0.4) * 10) + 1)
    return TrackAnalysis(
        version=ANALYSIS_VERSION,
        sha256=hashlib.sha256(
            repr((tuple(momentary), cues, lufs, cue_in, outro, cue_out)).encode()
        ).hexdigest(),
        rate=rate,
        frames=frames,
        codec="flac",
        channels=2,
        integrated_lufs=lufs,
        range_lu=0.0,
        true_peak_dbtp=peak_dbtp,
        momentary=tuple(momentary),
        cues=cues or CuePoints(cue_in, cue_in, outro, cue_out, 0, frames, **flags),
        peaks=(),
        tags=tags or Tags("Song"),
        damaged_places=0,
        repaired_samples=0,
        notes=(),
    )
