"""Begin an episode of a show, and give it its number when it is first made."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

from django.utils.translation import gettext as _

from mixes.models import Artwork, Mix, MixTrack, Show, Track
from mixes.services.editing import edits
from mixes.services.editing.arrangement import Item, change_settings
from mixes.services.shows.names import title_of
from mixes.services.shows.presets import preset_of


def start_episode(show: Show) -> tuple[Mix, tuple[str, ...]]:
    """Create the next episode; return it with sentences on what is missing. Raises LimitReached.

    It has no number yet: its title names the next one, and `take_number` fills it in again.
    """
    title = title_of(show, show.next_number)
    preset, notes = preset_of(show), list(_missing(show))
    artwork = preset.artwork_id
    if artwork and not Artwork.objects.filter(owner=show.owner_id, pk=str(artwork)).exists():
        artwork = None
        notes.append(_("The picture of this show was deleted."))
    first, last = _pinned(show, show.intro, MixTrack.Pin.FIRST), _pinned(show, show.outro, MixTrack.Pin.LAST)
    begun = replace(preset, title=title, artwork_id=artwork, items=(*first, *last))
    return edits.create_arranged(show.owner, begun, show=show, drafted_title=title), tuple(notes)


def take_number(mix: Mix) -> Mix:
    """Give an episode its number, once, and return it; other mixes are returned as they are.

    Call it in the transaction that makes the mix. A title that its owner did not change gets number and date.
    """
    if mix.show_id is None:
        return mix
    show = Show.objects.select_for_update().filter(pk=mix.show_id).first()  # one at a time
    if show is None:  # deleted since
        return mix
    number = free_number(show)
    if not Mix.objects.filter(pk=mix.pk, episode=None).update(episode=number):
        return mix
    Show.objects.filter(pk=show.pk).update(next_number=number + 1)
    title, current = title_of(show, number), Mix.objects.only("title", "drafted_title").get(pk=mix.pk)
    if title != current.title == current.drafted_title:
        mix = edits.edit(mix, None, _("Filled in the title"), lambda a: change_settings(a, title=title))
    mix.episode = number
    return mix


def free_number(show: Show) -> int:
    """Return the first number from the show's next one on that no episode has."""
    taken = set(
        Mix.objects.filter(show=show, episode__gte=show.next_number).values_list("episode", flat=True)
    )
    number = show.next_number
    while number in taken:
        number += 1
    return number


def _pinned(show: Show, track: Track | None, pin: str) -> tuple[Item, ...]:
    if track is None or not _is_there(track):
        return ()
    return (Item(uuid4(), track.pk, unlisted=show.ends_unlisted, pin=pin),)


def _missing(show: Show) -> Iterator[str]:
    for track, words in ((show.intro, _("The intro “%s”")), (show.outro, _("The outro “%s”"))):
        if track and not _is_there(track):
            yield (words % track.label) + _(" is in the bin or cannot be used, so it was left out.")


def _is_there(track: Track) -> bool:
    return track.deleted_at is None and track.state != Track.State.REFUSED
