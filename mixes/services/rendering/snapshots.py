"""Snapshots: all inputs of a mix job, so that later edits do not affect it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from mixes.engine.analysis.track import TrackAnalysis
from mixes.engine.errors import EngineError
from mixes.engine.mixing.settings import JoinSettings, MixSettings, Use
from mixes.engine.pictures.look import VideoLook
from mixes.engine.pictures.pictures import Size
from mixes.engine.pipeline.request import FORMATS, MixRequest, Source
from mixes.engine.tags.tags import Tags
from mixes.engine.timeline import Timeline
from mixes.models import Mix, MixTrack, Track
from mixes.models.snapshot_format import FORMAT, Snapshot, format_of
from mixes.services import storage, wording
from mixes.services.analyses import analyses_of, reanalyse
from mixes.services.editing.arrangement import arrangement_of
from mixes.services.editing.engine_settings import settings_of
from mixes.services.editing.versions import KEPT
from mixes.services.shows.names import fill_in_words
from mixes.services.waiting import NotReadyYet

NAMES = ("title", "artist", "album", "track_number", "disc_number", "album_artist")


def take_snapshot(mix: Mix, items: list[MixTrack], timeline: Timeline) -> Snapshot:
    """Return the snapshot of a mix: `items` are the tracks used, `timeline` their plan."""
    wanted = (mix.make_mp3, mix.make_mp4)
    settings, joins, uses = settings_of(mix, items)
    return {
        "format": FORMAT,
        "mix_version": mix.version,
        "title": mix.title,
        "artist": mix.artist,
        "date": wording.today(),
        "settings": asdict(settings),
        "joins": [asdict(join) for join in joins],
        "uses": [asdict(use) for use in uses],
        "formats": [kind for kind, is_wanted in zip(FORMATS, wanted, strict=True) if is_wanted],
        "bitrate_kbps": mix.bitrate_kbps,
        "size": list(size_of(mix)),
        "title_cards": mix.title_cards,
        "look": mix.look,
        "description_template": fill_in_words(mix, mix.description_template),
        "hashtags": mix.hashtags.split(),
        "picture": mix.artwork.file if mix.artwork else "",
        "tracks": [describe_track(item.track) for item in items],
        "timeline": timeline.to_dict(),
        KEPT: arrangement_of(mix).to_json(),  # for the way back to this version
    }


def size_of(mix: Mix) -> Size:
    """Return width and height of a mix's video, in pixels."""
    width, height = mix.video_size.split("x")
    return int(width), int(height)


def describe_track(track: Track) -> dict[str, Any]:
    """Return the identity of a track and its current names."""
    names = {name: getattr(track, name) for name in NAMES}
    return {"id": str(track.pk), "sha256": track.sha256, "file": track.file, "name": track.name, **names}


def timeline_of(snapshot: Snapshot) -> Timeline:
    """Return the timeline of a snapshot: as planned, or as rendered once the mix is made."""
    return Timeline.from_dict(snapshot["timeline"])


def to_request(snapshot: Snapshot, cores: int = 1) -> MixRequest:
    """Return the engine's request.

    Raises EngineError when a track no longer exists or can no longer be used, or the format is a later one;
    NotReadyYet while a track is analysed again.
    """
    if format_of(snapshot) > FORMAT:
        raise EngineError(
            _("A newer version of Mixtape saved this job. Update the site, or make the mix again.")
        )
    picture = storage.path_of(snapshot["picture"]) if snapshot["picture"] else None
    same = ("title", "artist", "date", "bitrate_kbps", "title_cards", "description_template")
    return MixRequest(
        sources=sources_of(snapshot),
        settings=MixSettings(**snapshot["settings"]),
        joins=tuple(JoinSettings(**join) for join in snapshot["joins"]),
        uses=tuple(Use(**use) for use in snapshot["uses"]),
        formats=tuple(snapshot["formats"]),
        picture=picture if picture and picture.is_file() else None,
        size=(snapshot["size"][0], snapshot["size"][1]),
        look=VideoLook(**snapshot.get("look", {})),  # older snapshots have none
        hashtags=tuple(snapshot["hashtags"]),
        cores=cores,
        **{name: snapshot[name] for name in same},
    )


def picture_is_gone(snapshot: Snapshot) -> bool:
    """Return whether the chosen picture has been deleted since."""
    return bool(snapshot["picture"]) and not storage.path_of(snapshot["picture"]).is_file()


def sources_of(snapshot: Snapshot) -> tuple[Source, ...]:
    """Return file and analysis of every track, with the names of the snapshot. Raises as `to_request`."""
    wanted = snapshot["tracks"]
    rows = {str(track.pk): track for track in Track.objects.filter(pk__in={entry["id"] for entry in wanted})}
    for entry in wanted:
        if entry["id"] not in rows or not storage.path_of(entry["file"]).is_file():
            raise EngineError(
                _(
                    "“%(title)s” was deleted after this mix was asked for. "
                    "Take it out of the mix or add it again, then make the mix again."
                )
                % {"title": entry["title"] or entry["name"]}
            )
    known = analyses_of(list(rows.values()))
    reanalyse(track for track in rows.values() if track.pk not in known)
    for entry in wanted:
        track = rows[entry["id"]]
        if track.state == Track.State.REFUSED and track.pk not in known:
            raise EngineError(f"“{entry['title']}”: {track.problem}")
    return tuple(_source(entry, known) for entry in wanted)


def _source(entry: dict[str, Any], known: Mapping[UUID, TrackAnalysis]) -> Source:
    analysis = known.get(UUID(entry["id"]))
    if analysis is None:
        raise NotReadyYet(_("“%s” is being analysed again; this mix waits for it.") % entry["title"])
    names = {name: entry[name] for name in NAMES}
    tags = Tags(**{**names, "title": entry["title"] or entry["name"]})
    return Source(storage.path_of(entry["file"]), replace(analysis, tags=tags))
