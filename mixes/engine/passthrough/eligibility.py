"""Tell which songs of a mix can be copied, and of the others why not, before any is placed."""

from mixes.engine.passthrough.facts import Mp3Facts

IS_NO_MP3 = "it is not an MP3"
NOT_MEASURED = "it was analysed before frames could be copied; making the mix again later will copy it"
START_IS_FIXED = "its start cannot be moved to the frames of the mix"
IS_SHORTENED = "long silences in it are shortened"
LEVEL_BY_HAND = "its level is set by hand, between two steps of 1.5 dB"
LEVEL_IS_EXACT = (
    "its level is between two steps of 1.5 dB, so that the mix is as loud as wanted or its peaks are kept"
)


def why_encoded(facts: Mp3Facts | None, *, is_mp3: bool, song_hz: int, mix_hz: int, kbps: int) -> str:
    """Return why a song cannot be copied into an MP3 of this rate and bit rate; empty where it can."""
    if not is_mp3:
        return IS_NO_MP3
    if facts is None:
        return NOT_MEASURED
    if facts.reason:
        return facts.reason
    if song_hz != mix_hz:
        return f"it has {song_hz / 1000:g} kHz and the mix {mix_hz / 1000:g} kHz"
    if facts.kbps > kbps:
        return f"it has {facts.kbps} kbit/s and the mix {kbps} kbit/s"
    return ""
