"""What differs between two versions of a mix, in sentences for its owner.

In: two snapshots. Out: `Difference`s: length, songs, order, joins, what is used of each song, settings.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from mixes.engine.timeline import Clip, Timeline, Transition
from mixes.models.snapshot_format import Snapshot
from mixes.services import wording
from mixes.services.rendering.snapshots import timeline_of

LEAST_S = 0.5  # of a song's beginning, end or join; less follows from other changes and nobody hears it
LEAST_DB = 0.3
SETTINGS: Mapping[str, Promise] = {
    "style": gettext_lazy("Style of the joins"),
    "transition_s": gettext_lazy("Length of the joins"),
    "gap_s": gettext_lazy("Length of pauses"),
    "soften": gettext_lazy("Softer highs in the joins"),
    "trim": gettext_lazy("Silence at both ends of songs left out"),
    "target_lufs": gettext_lazy("Loudness"),
    "album_dynamics": gettext_lazy("Songs keep their levels relative to each other"),
    "even_joins": gettext_lazy("Even joins"),
    "skip_quiet_intros": gettext_lazy("Long, quiet beginnings skipped"),
    "shorten_silences": gettext_lazy("Long silences inside songs shortened"),
    "max_play_s": gettext_lazy("Longest time a song plays"),
    "fade_in_s": gettext_lazy("Fade in of the whole mix"),
    "fade_out_s": gettext_lazy("Fade out of the whole mix"),
    "copy_into_kbps": gettext_lazy("MP3 songs copied, kbit/s"),
}
OUTPUTS: Mapping[str, Promise] = {
    "formats": gettext_lazy("Files"),
    "bitrate_kbps": gettext_lazy("Bit rate of the MP3"),
    "size": gettext_lazy("Size of the video"),
    "title_cards": gettext_lazy("Titles in the video"),
    "title": gettext_lazy("Title"),
    "artist": gettext_lazy("Made by"),
}
LONG_WORDS: Mapping[str, Promise] = {
    "description_template": gettext_lazy("The description is another one."),
    "hashtags": gettext_lazy("The hashtags are others."),
    "picture": gettext_lazy("The picture is another one."),
    "look": gettext_lazy("The video shows picture and words another way."),
}
SECONDS = ("transition_s", "gap_s", "max_play_s", "fade_in_s", "fade_out_s")
UNITS = dict.fromkeys(SECONDS, "s") | {"target_lufs": "LUFS", "bitrate_kbps": "kbit/s"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs; `part` groups them: length, songs, order, joins, sound or look."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class Version:
    """One side of a comparison: tracks, clips and joins in order."""

    snapshot: Snapshot
    timeline: Timeline

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Version":
        return cls(snapshot, timeline_of(snapshot))

    @property
    def ids(self) -> list[str]:
        """Return the tracks in order."""
        return [track["id"] for track in self.snapshot["tracks"]]

    def titles(self) -> dict[str, str]:
        return {track["id"]: track["title"] or track["name"] for track in self.snapshot["tracks"]}

    def joins(self) -> dict[tuple[str, str], Transition]:
        """Return the first join of each pair of tracks."""
        pairs = zip(zip(self.ids, self.ids[1:], strict=False), self.timeline.transitions, strict=True)
        return dict(reversed(list(pairs)))

    def clips(self) -> dict[str, Clip]:
        """Return the first use of each track."""
        return dict(reversed(list(zip(self.ids, self.timeline.clips, strict=True))))


def compare(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """Return what differs between two versions; nothing where they are the same."""
    old, new = Version.of(before), Version.of(after)
    return (
        *compare_length(old, new),
        *compare_songs(old, new),
        *compare_order(old, new),
        *compare_joins(old, new),
        *compare_uses(old, new),
        *compare_settings(old, new),
    )


def compare_length(old: Version, new: Version) -> Iterator[Difference]:
    """Yield the change of the whole length."""
    lengths = [wording.clock(version.timeline.duration_s) for version in (old, new)]
    if lengths[0] != lengths[1]:
        text = _("It lasts %(new)s instead of %(old)s.") % {"old": lengths[0], "new": lengths[1]}
        yield Difference("length", text)


def compare_songs(old: Version, new: Version) -> Iterator[Difference]:
    """Yield songs that one version has and the other has not, or has more often."""
    before, after = Counter(old.ids), Counter(new.ids)
    for track in (after - before).elements():
        place = len(new.ids) - new.ids[::-1].index(track)
        words = {"title": new.titles()[track], "place": place}
        yield Difference("songs", _("“%(title)s” was added as number %(place)d.") % words)
    for track in (before - after).elements():
        yield Difference("songs", _("“%s” was taken out.") % old.titles()[track])


def compare_order(old: Version, new: Version) -> Iterator[Difference]:
    """Yield the fewest songs whose moves explain the order."""
    common = Counter(old.ids) & Counter(new.ids)
    ids = [[track for track in version.ids if common[track]] for version in (old, new)]
    earlier, later = ids
    blocks = SequenceMatcher(None, earlier, later, autojunk=False).get_matching_blocks()
    kept = Counter(track for block in blocks for track in earlier[block.a : block.a + block.size])
    for track in dict.fromkeys(later):
        if kept[track] < common[track]:
            places = {
                "title": new.titles()[track],
                "new": new.ids.index(track) + 1,
                "old": old.ids.index(track) + 1,
            }
            yield Difference("order", _("“%(title)s” is number %(new)d; it was number %(old)d.") % places)


def compare_joins(old: Version, new: Version) -> Iterator[Difference]:
    """Yield the joins of pairs that follow each other in both versions and are made differently."""
    before, titles = old.joins(), new.titles()
    for pair, join in new.joins().items():
        if pair not in before:
            continue
        words = [
            describe_join(transition, version.timeline.rate)
            for transition, version in ((before[pair], old), (join, new))
        ]
        change_s = join.overlap / new.timeline.rate - before[pair].overlap / old.timeline.rate
        if words[0] != words[1] and (abs(change_s) >= LEAST_S or join.style != before[pair].style):
            names = {"a": titles[pair[0]], "b": titles[pair[1]], "old": words[0], "new": words[1]}
            yield Difference("joins", _("Join “%(a)s” → “%(b)s”: %(new)s instead of %(old)s.") % names)


def describe_join(join: Transition, rate: int) -> str:
    """Return style and length of a join: "smooth, 8 s"."""
    name = str(wording.STYLES[join.style][0])
    length_s = abs(join.overlap) / rate
    return name if join.style in ("cut", "gapless") else f"{name}, {wording.seconds_words(length_s)}"


def compare_uses(old: Version, new: Version) -> Iterator[Difference]:
    """Yield songs of both versions that begin, end, sound or are listed otherwise."""
    before, titles = old.clips(), new.titles()
    for track, clip in new.clips().items():
        if track not in before:
            continue
        was, title = before[track], titles[track]
        begins = clip.file_cue_in / new.timeline.rate, was.file_cue_in / old.timeline.rate
        ends = (
            (clip.cue_in + clip.source_length) / new.timeline.rate,
            (was.cue_in + was.source_length) / old.timeline.rate,
        )
        for text, (now_s, then_s) in (
            (_("“%(title)s” begins at %(new)s of its file instead of %(old)s."), begins),
            (_("“%(title)s” ends at %(new)s of its file instead of %(old)s."), ends),
        ):
            if abs(now_s - then_s) >= LEAST_S:
                times = {"title": title, "new": wording.clock(now_s), "old": wording.clock(then_s)}
                yield Difference("sound", text % times)
        if clip.unlisted != was.unlisted:
            out, back = _("“%s” is left out of the tracklist."), _("“%s” is in the tracklist again.")
            yield Difference("sound", (out if clip.unlisted else back) % title)
        if abs(clip.gain_db - was.gain_db) >= LEAST_DB:
            louder = _("“%(title)s” is %(db).1f dB louder.")
            softer = _("“%(title)s” is %(db).1f dB softer.")
            change_db = clip.gain_db - was.gain_db
            text = louder if change_db > 0 else softer
            yield Difference("sound", text % {"title": title, "db": abs(change_db)})


def compare_settings(old: Version, new: Version) -> Iterator[Difference]:
    """Yield settings, files and words with other values."""
    before, after = old.snapshot, new.snapshot
    sides = ((SETTINGS, before["settings"], after["settings"], "sound"), (OUTPUTS, before, after, "look"))
    for names, then, now, part in sides:
        for name, label in names.items():
            if name in then and name in now and then[name] != now[name]:
                words = {"old": describe_value(name, then[name]), "new": describe_value(name, now[name])}
                text = _("%(label)s: %(new)s instead of %(old)s.") % {"label": label, **words}
                yield Difference(part, text)
    for name, sentence in LONG_WORDS.items():
        if name in before and name in after and before[name] != after[name]:
            yield Difference("look", str(sentence))


def describe_value(name: str, value: Any) -> str:
    """Return the value of a setting as pages name it."""
    if isinstance(value, bool):
        return str(pgettext_lazy("setting", "on") if value else pgettext_lazy("setting", "off"))
    if name == "style":
        return str(wording.STYLES[value][0])
    if value is None or value == "":
        return _("none")
    if value == "auto":
        return _("as each pair asks for")
    if isinstance(value, list | tuple):
        return (" x " if name == "size" else ", ").join(str(one).upper() for one in value)
    number = f"{value:g}".replace("-", "\u2212") if isinstance(value, int | float) else f"“{value}”"
    return " ".join(filter(None, (number, UNITS.get(name, ""))))
