"""Edits of a mix from form posts; all of them answer with the updated mix."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.requests import UserRequest
from mixes.forms.mixes import MixSettingsForm
from mixes.models import Mix, MixTrack, Track
from mixes.pages.mix_page import MixPage, mix_page
from mixes.pages.mix_state import digest_of, digests_in
from mixes.services.editing import arrangement, edits, history
from mixes.services.editing.arrangement import Direction, Order
from mixes.services.editing.edits import StaleEdit
from mixes.services.editing.history import NothingThere
from mixes.services.library import tracks, uploads
from mixes.views.fragments import is_fragment

INDENT = re.compile(r"\n\s+")  # a third of the fragments, which hold no preformatted text
COMPACT_FROM = 25  # songs
ROWS_COOKIE, ROWS_KEPT_S = "rows", 365 * 24 * 3600
MAX_VERSION_DIGITS = 18  # digits, as many as a column holds

Edit = Callable[[Mix, int | None, str], Mix]


class BadEdit(Exception):
    """The form holds values the site's own buttons never send."""


def move(mix: Mix, seen: int | None, value: str) -> Mix:
    """Move one item; `value` looks like "up:<item>"."""
    direction, _colon, pk = value.partition(":")
    words: dict[Direction, str] = {
        "top": _("Moved “%s” to the top"),
        "up": _("Moved “%s” up"),
        "down": _("Moved “%s” down"),
        "bottom": _("Moved “%s” to the bottom"),
    }
    if direction not in words:
        raise BadEdit
    item = item_pk(pk)
    what = words[direction] % name_of(mix, item)
    return edits.edit(mix, seen, what, lambda a: arrangement.move(a, item, direction))


def reorder(mix: Mix, seen: int | None, value: str) -> Mix:
    """Reorder all items; `value` is "<item>,<item>,…"."""
    ids = [item_pk(pk) for pk in value.split(",")]
    return edits.edit(mix, seen, _("Changed the order"), lambda a: arrangement.reorder(a, ids))


def remove(mix: Mix, seen: int | None, value: str) -> Mix:
    """Remove one item."""
    item = item_pk(value)
    what = _("Removed “%s”") % name_of(mix, item)
    return edits.edit(mix, seen, what, lambda a: arrangement.remove(a, item))


def list_song(mix: Mix, seen: int | None, value: str) -> Mix:
    """Leave one song out of the tracklist or put it back; `value` looks like "out:<item>" or "in:<item>"."""
    way, _colon, pk = value.partition(":")
    words = {"out": _("Left “%s” out of the tracklist"), "in": _("Put “%s” back into the tracklist")}
    if way not in words:
        raise BadEdit
    item = item_pk(pk)
    what = words[way] % name_of(mix, item)
    return edits.edit(mix, seen, what, lambda a: arrangement.change_item(a, item, unlisted=way == "out"))


def sort(mix: Mix, seen: int | None, value: str) -> Mix:
    """Sort all items by name or by track number."""
    words: dict[Order, str] = {"name": _("Sorted by name"), "track_number": _("Sorted by track number")}
    if value not in words:
        raise BadEdit
    tracks = Track.objects.defer("waveform").filter(places__mix=mix).in_bulk()
    return edits.edit(
        mix,
        seen,
        words[value],
        lambda a: arrangement.sort_by(a, value, tracks),
    )


def undo(mix: Mix, seen: int | None, value: str) -> Mix:
    return history.undo(mix, seen, tracks.restore_track)


def redo(mix: Mix, seen: int | None, value: str) -> Mix:
    return history.redo(mix, seen, tracks.restore_track)


def rename(mix: Mix, seen: int | None, value: str) -> Mix:
    """Rename the mix; an empty title changes nothing."""
    title = edits.clean_title(value)
    if not title:
        raise BadEdit
    return edits.edit(
        mix, seen, _("Renamed to “%s”") % title[:100], lambda a: arrangement.change_settings(a, title=title)
    )


EDITS: dict[str, Edit] = {
    "move": move,
    "reorder": reorder,
    "remove": remove,
    "list": list_song,
    "sort": sort,
    "undo": undo,
    "redo": redo,
    "rename": rename,
}
HISTORY_EDITS = (undo, redo)


def item_pk(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise BadEdit from error


def name_of(mix: Mix, item: UUID) -> str:
    """Return the title of a track in a mix, for the name of an edit. Raises NoSuchItem."""
    places = MixTrack.objects.filter(mix=mix, pk=item).select_related("track").defer("track__waveform")
    place = places.first()
    if place is None:
        raise arrangement.NoSuchItem(item)
    return (place.track.title or place.track.name)[:100]


def seen_version(request: HttpRequest) -> int | None:
    """Return the version the form was rendered from. Raises BadEdit."""
    value = request.POST.get("version", "")
    if not value.isdecimal() or len(value) > MAX_VERSION_DIGITS:
        raise BadEdit
    return int(value)


def apply_edit(
    request: UserRequest,
    mix: Mix,
    edit: Callable[[], Mix],
    *,
    place: str = "order",
    more: Callable[[MixPage], dict[str, Any]] | None = None,
) -> HttpResponse:
    """Apply an edit and show the updated mix: as fragments to htmx, by a redirect to a plain form.

    `place` is the element id to return to; `more` returns further fragments after the edit.
    """
    status = 200
    try:
        mix = edit()
    except (StaleEdit, arrangement.NoSuchItem):
        messages.warning(
            request,
            _("This mix was changed elsewhere, so your last change was not made. This is how it is now."),
        )
        status = 409
    except BadEdit:
        messages.error(request, _("That did not make sense to the site, so nothing was changed."))
        status = 422
    except NothingThere:
        messages.info(request, _("There is nothing more to take back."))
    if status != 200:
        mix = Mix.objects.get(pk=mix.pk)
    elif not is_fragment(request):
        return redirect(f"{reverse('mixes:mix_detail', args=(mix.pk,))}#{place}")
    return show_mix(request, mix, status=status, more=more)


def show_mix(
    request: UserRequest,
    mix: Mix,
    *,
    status: int = 200,
    form: MixSettingsForm | None = None,
    more: Callable[[MixPage], dict[str, Any]] | None = None,
) -> HttpResponse:
    """Show the page of a mix, or to htmx the fragments that differ from what its page shows."""
    page, form = mix_page(mix), form or settings_form(mix)
    context = {"mix": mix, "sheet": page, "settings_form": form, **(more(page) if more else {})}
    context["settings_digest"] = digest_of("settings", form.initial, page.songs_copied)
    if not is_fragment(request):
        waiting = uploads.waiting_uploads(request.user, mix=mix)
        context |= {"rows": page.rows, "shown": frozenset(), "waiting_uploads": waiting}
        context["is_compact"] = is_compact(request, len(page.rows))
        return render(request, "mixes/mix_detail.html", context, status=status)
    shown = digests_in(request.POST.get("shown", ""))
    context |= {"rows": page.differing(shown), "shown": shown}
    context["has_settings"] = form.is_bound or context["settings_digest"] not in shown
    pieces = render_to_string("mixes/_mix_pieces.html", context, request)
    return HttpResponse(INDENT.sub("\n", pieces), status=status)


def is_compact(request: HttpRequest, count: int) -> bool:
    """Return whether a list of `count` songs has short rows: as its user chose, else when it is long."""
    chosen = request.COOKIES.get(ROWS_COOKIE, "")
    return chosen == "compact" or (chosen != "full" and count >= COMPACT_FROM)


def warn_of_lost_tracks(request: HttpRequest, mix: Mix) -> None:
    """Warn that undo or redo could not restore all songs."""
    warn_of_lost_songs(request, history.count_lost(mix))


def warn_of_lost_songs(request: HttpRequest, lost: int) -> None:
    """Warn that `lost` songs could not be restored."""
    if lost:
        words = ngettext(
            "%d song was removed for good meanwhile and stays out.",
            "%d songs were removed for good meanwhile and stay out.",
            lost,
        )
        messages.warning(request, words % lost)


def settings_form(mix: Mix, data: Any = None) -> MixSettingsForm:
    """Return the bound settings form of a mix."""
    return MixSettingsForm(data, initial=MixSettingsForm.values_of(mix))
