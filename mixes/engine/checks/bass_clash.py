"""Where two basses are heard at once at a join, which sounds like mud.

In: the curves of bass in both analyses, one value a second, and the gains of the join. Out: 1 for each moment
with two strong basses of about one level, else 0. Analyses before version 3 have no curve: 0 throughout.
"""

import numpy as np

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.checks.join_moments import Join
from mixes.engine.mixing.joins import STRONG_BASS_DB
from mixes.engine.mixing.song_levels import SIDE_S, Levels, Power, SongLevels, to_power
from mixes.engine.mixing.transitions import bass_gains
from mixes.engine.timeline import Clip, Timeline

Tracks = tuple[TrackAnalysis, TrackAnalysis]
Songs = tuple[SongLevels, SongLevels]

HEARD_POWER = 10 ** (-10 / 10)  # of the bass of its song's body: quieter is no strong bass
ALIKE_POWER = 10 ** (6 / 10)  # two basses further apart are heard as one


def bass_clash(join: Join, timeline: Timeline, index: int, tracks: Tracks, songs: Songs) -> Levels:
    """Return 1 for each moment of the join at which two basses clash, else 0."""
    before, after = timeline.clips[index : index + 2]
    shares_db = tracks[0].bass_end_db, tracks[1].bass_start_db
    if not all(track.bass for track in tracks) or any(db is None or db < STRONG_BASS_DB for db in shares_db):
        return np.zeros(len(join.times))
    a, b = songs
    own_a, own_b = (bass_power(track, clip) for track, clip in zip(tracks, (before, after), strict=True))
    leaving, coming = np.ones(len(join.times)), np.ones(len(join.times))
    transition = timeline.transitions[index]
    if transition.bass_swap_s is not None:
        elapsed_s = join.times - join.start_b - transition.bass_swap_s
        leaving, coming = bass_gains(elapsed_s, transition.bass_swap_length_s)
    heard_a = at(own_a, join.times - join.end_a + a.cue_out_s) * join.gain_a * leaving**2
    drift_s = after.drift((join.times - join.start_b) * timeline.rate) / timeline.rate
    heard_b = at(own_b, join.times - join.start_b + b.cue_in_s + drift_s) * join.gain_b * coming**2
    usual_a = at(own_a, np.arange(max(0.0, a.body_end_s - SIDE_S), a.body_end_s)).mean()
    usual_b = at(own_b, np.arange(b.body_start_s, b.body_start_s + SIDE_S)).mean()
    are_strong = (heard_a > usual_a * HEARD_POWER) & (heard_b > usual_b * HEARD_POWER)
    are_alike = (heard_a < heard_b * ALIKE_POWER) & (heard_b < heard_a * ALIKE_POWER)
    return np.asarray(are_strong & are_alike, dtype=np.float64)


def bass_power(track: TrackAnalysis, clip: Clip) -> Power:
    """Return the mean square of the bass, second by second, at the gain of the clip."""
    return 10.0 ** (np.asarray(track.bass) / 10) * to_power(clip.gain_db)


def at(power: Power, times_s: Power) -> Power:
    """Return the power at these seconds of the file; 0 outside it."""
    return np.asarray(np.interp(times_s - 0.5, np.arange(len(power)), power, left=0.0, right=0.0))
