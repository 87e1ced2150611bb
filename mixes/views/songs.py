"""Songs of a mix: one song, whole rows for short ones, the table of names, a suggested order."""

import uuid
from dataclasses import dataclass
from itertools import zip_longest

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Mix, MixTrack
from mixes.pages.mix_page import mix_page
from mixes.pages.order_page import order_page, read_wish
from mixes.services.editing import arrangement, edits
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.song_names import clean_name, read_list, rename_songs
from mixes.services.editing.suggested_order import take_order
from mixes.views.mix_edits import BadEdit, apply_edit, item_pk, seen_version


@login_required
@require_safe
def song(request: UserRequest, mix_pk: uuid.UUID, item_pk: uuid.UUID) -> HttpResponse:
    """Show everything that can be done with a song of a long mix, for browsers without scripts."""
    item = access.get_item(request.user, mix_pk, item_pk)
    return render(request, "mixes/song_detail.html", {"mix": item.mix, "item": item})


@login_required
@require_POST
def rows(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Return the whole rows of the songs that a page names, and of the joins after them."""
    mix = access.get_mix(request.user, mix_pk)
    wanted = frozenset(request.POST.get("songs", "").split())
    page = mix_page(mix)
    found = [row for row in page.rows if row.pk in wanted]
    return render(
        request, "mixes/_mix_tracks.html", {"mix": mix, "sheet": page, "rows": found, "shown": frozenset()}
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Show a suggested order beside the user's own; a post takes the order that it names."""
    mix = access.get_mix(request.user, mix_pk)
    if request.method != "POST":
        page = order_page(mix, read_wish(request.GET.dict(), request.GET.getlist("pair")))
        return render(request, "mixes/order.html", {"mix": mix, "page": page})

    def edit() -> Mix:
        ids = [item_pk(pk) for pk in request.POST.get("ids", "").split(",")]
        taken = take_order(mix, seen_version(request), ids)
        messages.success(request, _("The songs are in the suggested order. Undo brings yours back."))
        return taken

    return apply_edit(request, mix, edit)


@dataclass(frozen=True, slots=True)
class NameRow:
    """One song of the table: what its fields show, and its names so far where they would change."""

    item: MixTrack
    title: str
    artist: str
    before: str = ""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def names(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Edit all titles and artists: in a table, or by a list, whose effect is shown before it is saved."""
    mix = access.get_mix(request.user, mix_pk)
    items = items_of(mix)
    if request.method != "POST":
        return _show_names(request, mix, [_row_of(item) for item in items])
    if "preview" in request.POST:
        return _preview(request, mix, items)
    try:
        changed = rename_songs(mix, seen_version(request), _typed_names(request, items))
        if "picked" in request.POST:
            _change_picked(request, changed)
    except (edits.StaleEdit, BadEdit):
        messages.warning(
            request, _("This mix was changed elsewhere. What you typed is kept here: save it again.")
        )
        rows = [_typed_row(request, item) for item in items]
        return _show_names(request, access.get_mix(request.user, mix.pk), rows, status=409)
    messages.success(request, _("Saved. Undo takes it back."))
    return redirect("mixes:mix_detail" if "picked" not in request.POST else "mixes:names", mix.pk)


def _preview(request: UserRequest, mix: Mix, items: list[MixTrack]) -> HttpResponse:
    listed = read_list(request.POST.get("list", ""))
    rows = []
    for item, song in zip_longest(items, listed[: len(items)]):
        row = _row_of(item)
        if song is not None:
            artist = row.artist if song.artist is None else song.artist
            is_same = (song.title, artist) == (row.title, row.artist)
            row = NameRow(item, song.title, artist, "" if is_same else item.track.label)
        rows.append(row)
    if len(listed) != len(items):
        words = ngettext("The list names %d song", "The list names %d songs", len(listed)) % len(listed)
        messages.info(
            request, _("%(list)s, and the mix has %(count)d.") % {"list": words, "count": len(items)}
        )
    return _show_names(request, mix, rows)


def _change_picked(request: UserRequest, mix: Mix) -> None:
    """Move the ticked songs to an end, or take them out. Raises BadEdit."""
    picked = {pk for pk in mix.items.values_list("pk", flat=True) if str(pk) in request.POST.getlist("pick")}
    order = [item.pk for item in items_of(mix)]
    chosen, others = [pk for pk in order if pk in picked], [pk for pk in order if pk not in picked]
    count = len(chosen)
    where = request.POST["picked"]
    if where == "out":
        what = ngettext("Removed %d song", "Removed %d songs", count) % count
        edits.edit(mix, mix.version, what, lambda a: arrangement.keep(a, others))
    elif where in ("top", "bottom"):
        what = ngettext("Moved %d song", "Moved %d songs", count) % count
        ids = [*chosen, *others] if where == "top" else [*others, *chosen]
        edits.edit(mix, mix.version, what, lambda a: arrangement.reorder(a, ids))
    else:
        raise BadEdit


def _typed_names(request: UserRequest, items: list[MixTrack]) -> dict[uuid.UUID, tuple[str, str]]:
    rows = [_typed_row(request, item) for item in items]
    old = {row.item.pk: _row_of(row.item) for row in rows}
    return {
        row.item.track_id: (row.title, row.artist)
        for row in rows
        if (row.title, row.artist) != (old[row.item.pk].title, old[row.item.pk].artist)
    }


def _typed_row(request: UserRequest, item: MixTrack) -> NameRow:
    shown = _row_of(item)
    title = clean_name(request.POST.get(f"title-{item.pk}", shown.title))
    artist = clean_name(request.POST.get(f"artist-{item.pk}", shown.artist))
    return NameRow(item, title or shown.title, artist)


def _row_of(item: MixTrack) -> NameRow:
    return NameRow(item, item.track.title or item.track.name, item.track.artist)


def _show_names(request: UserRequest, mix: Mix, rows: list[NameRow], status: int = 200) -> HttpResponse:
    pasted = request.POST.get("list", "")
    context = {"mix": mix, "names": rows, "pasted": pasted, "is_preview": "preview" in request.POST}
    return render(request, "mixes/names.html", context, status=status)
