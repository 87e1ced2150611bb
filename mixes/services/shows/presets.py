"""Save a mix as a show, change what a show remembers, and delete it."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils.translation import ngettext

from accounts.models import User
from mixes.leases import State
from mixes.models import Mix, MixJob, MixTrack, Show, Track
from mixes.services.editing.arrangement import Arrangement, arrangement_of
from mixes.services.limits import LimitReached
from mixes.services.shows import names

MOST_SHOWS = 200


def preset_of(show: Show) -> Arrangement:
    """Return what every episode of a show begins with, without title and songs."""
    return Arrangement.from_json(show.preset)


def preset_from(mix: Mix) -> dict[str, Any]:
    """Return the settings and words of a mix as a show stores them."""
    return replace(arrangement_of(mix), title="", items=(), names=()).to_json()


def save_as_show(mix: Mix) -> Show:
    """Return a new show with the settings of a mix. Raises LimitReached.

    A mix that was made becomes an episode of it: the number in its title is its number, else it is the first.
    Pinned songs are the show's intro and outro.
    """
    name, number = names.read_title(mix.title)
    if number is None and MixJob.objects.filter(mix=mix, state=State.DONE).exists():
        number = 1
    with transaction.atomic():
        show = create_show(
            mix.owner,
            name=names.clean_name(name),
            next_number=(number or 0) + 1,
            preset=preset_from(mix),
            intro=_pinned(mix, MixTrack.Pin.FIRST),
            outro=_pinned(mix, MixTrack.Pin.LAST),
        )
        if number:
            Mix.objects.filter(pk=mix.pk, show=None).update(show=show, episode=number)
    return show


def create_show(owner: User, **values: Any) -> Show:
    """Create a show. Raises LimitReached."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # concurrent requests must not exceed the limit
        check_shows(owner)
        return Show.objects.create(owner=owner, **values)


def check_shows(owner: User) -> None:
    """Raise LimitReached when `owner` has the maximum number of shows."""
    if Show.objects.filter(owner=owner).count() >= MOST_SHOWS:
        raise LimitReached(
            ngettext(
                "You have %d show, and that is the most you can have.",
                "You have %d shows, and that is the most you can have.",
                MOST_SHOWS,
            )
            % MOST_SHOWS
        )


def change_show(show: Show, settings: dict[str, Any], **values: Any) -> None:
    """Change settings that each next episode begins with, and columns of the show."""
    with transaction.atomic():
        current = Show.objects.select_for_update().get(pk=show.pk)
        preset = replace(preset_of(current), **settings).to_json()
        for name, value in values.items():
            setattr(current, name, value)
        current.preset = preset
        current.save(update_fields=["preset", "updated_at", *values])


def take_over(show: Show, mix: Mix) -> None:
    """Let the next episodes begin with the settings of a mix."""
    settings = {name: value for name, value in arrangement_of(mix).settings().items() if name != "title"}
    change_show(show, settings)


def taken_by(show: Show, number: int) -> str | None:
    """Return the title of the episode that has a number, None while it is free."""
    return Mix.objects.filter(show=show, episode=number).values_list("title", flat=True).first()


def delete_show(show: Show) -> None:
    """Delete a show and its feed; its episodes stay as mixes."""
    Mix.objects.filter(show=show).update(in_feed_since=None)
    Show.objects.filter(pk=show.pk).delete()


def _pinned(mix: Mix, pin: str) -> Track | None:
    item = MixTrack.objects.filter(mix=mix, pin=pin).select_related("track").defer("track__waveform").first()
    return item.track if item else None
