"""The library: the list of a user's tracks, and editing, deleting and downloading one."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.requests import HtmxRequest, UserRequest
from mixes import access
from mixes.forms.tracks import MusicForm, TagsForm, prefix_of
from mixes.models import Track
from mixes.pages.track_list import rows_of
from mixes.services import limits, storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.library import tracks, uploads
from mixes.views.duplicates import report_replaced
from mixes.views.fragments import is_fragment
from mixes.views.toasts import undoable

ORDER_WORDS = {
    "newest": gettext_lazy("Newest first"),
    "title": gettext_lazy("By title"),
    "artist": gettext_lazy("By artist"),
    "longest": gettext_lazy("Longest first"),
    "loudest": gettext_lazy("Loudest first"),
}
MAX_POLLED = 200  # ids per status request, more than a page has rows


@require_GET
@login_required
@vary_on_headers("HX-Request")
def track_list(request: UserRequest) -> HttpResponse:
    user = request.user
    query, order = request.GET.get("q", "").strip()[:200], request.GET.get("order", "")
    page = tracks.find_tracks(user, query, request.GET.get("page", 1), order=order)
    rows = rows_of(list(page.object_list))
    context: dict[str, Any] = {
        "page": page,
        "rows": rows,
        "working": [row.track.pk for row in rows if row.is_working],
        "query": query,
        "order": order if order in tracks.ORDERS else "newest",
        "used": limits.storage_used(user),
    }
    if is_fragment(request):
        return render(request, "mixes/_track_list.html", context)
    orders = [(name, ORDER_WORDS[name]) for name in tracks.ORDERS]
    return render(
        request,
        "mixes/track_list.html",
        {**context, "orders": orders, "waiting_uploads": uploads.waiting_uploads(user)},
    )


@require_GET
@login_required
def track_states(request: UserRequest) -> HttpResponse:
    """Return the rows of tracks with pending work, and whether to poll again."""
    asked = read_ids(request.GET.getlist("track")[:MAX_POLLED])
    found = list(
        Track.objects.filter(owner=request.user, pk__in=asked, deleted_at=None)
        .select_related("upload")
        .order_by("-created_at", "pk")
    )
    rows = rows_of(found)
    gone = asked - {track.pk for track in found}
    if gone:
        report_replaced(request, gone)
    context = {"rows": rows, "working": [row.track.pk for row in rows if row.is_working], "gone": gone}
    return render(request, "mixes/_track_states.html", context)


@require_GET
@login_required
def track_row(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    return _show_row(request, access.get_track(request.user, track_pk))


@require_http_methods(["GET", "POST"])
@login_required
@vary_on_headers("HX-Request")
def track_edit(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    track = access.get_track(request.user, track_pk)
    if request.method == "GET":
        return _show_form(request, track, TagsForm.of(track))
    form = TagsForm(request.POST, prefix=prefix_of(track))
    if not form.is_valid():
        return _show_form(request, track, form, status=422)
    tracks.edit_tags(track, **form.cleaned_data)
    if is_fragment(request):
        return _show_row(request, track)
    messages.success(request, _("Saved."))
    return redirect(_page_before(request))


@require_POST
@login_required
def track_music(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    """Set tempo, key and bars of a track by hand, halve or double its tempo, or go back to measured ones."""
    track = access.get_track(request.user, track_pk)
    if "scale" in request.POST:
        if not tracks.scale_tempo(track, 0.5 if request.POST["scale"] == "half" else 2.0):
            messages.error(
                request, _("There is no tempo to halve or double within 40 to 250 beats a minute.")
            )
    elif "back" in request.POST:
        tracks.set_music(track, own_tempo=None, own_key=None, own_bar_shift=None)
        messages.success(request, _("Tempo, key and bars are as measured again."))
    else:
        form = MusicForm(request.POST)
        if not form.is_valid():
            return _show_form(request, track, TagsForm.of(track), music=form, status=422)
        tracks.set_music(track, **form.cleaned_data)
        messages.success(request, _("Saved."))
    return redirect(f"{reverse('mixes:track_edit', args=(track.pk,))}#music")


@require_POST
@login_required
def track_delete(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    """Move a track to the bin; if mixes use it, only after the user has seen which."""
    track = access.get_track(request.user, track_pk)
    used = tracks.mixes_using([track])[track.pk]
    if used and "confirmed" not in request.POST:
        name = "mixes/_track_delete.html" if is_fragment(request) else "mixes/track_delete.html"
        return render(request, name, {"track": track, "mixes": used})
    tracks.bin_track(track)
    words = _("“%s” is in the bin.") % track.label
    messages.success(request, undoable(words, "mixes:track_restore", track.pk))
    return _after_removal(request)


@require_POST
@login_required
def track_restore(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    restored = tracks.restore_track(access.get_binned_track(request.user, track_pk))
    messages.success(request, _("“%s” is in your library again.") % restored.label)
    return redirect("mixes:track_list" if "undo" in request.POST else "mixes:bin")


@require_POST
@login_required
def track_retry(request: UserRequest, track_pk: uuid.UUID) -> HttpResponse:
    track = access.get_track(request.user, track_pk)
    tracks.retry_analysis(track)
    if is_fragment(request):
        return _show_row(request, access.get_track(request.user, track_pk))
    return redirect("mixes:track_list")


@require_safe
@login_required
def track_original(request: UserRequest, track_pk: uuid.UUID) -> HttpResponseBase:
    """Send the original file as a download; a browser must not open an untrusted file here."""
    track = access.get_track(request.user, track_pk)
    if not track.file:
        messages.error(request, _("This file has not arrived yet."))
        return redirect("mixes:track_list")
    return ranged_response(
        request,
        storage.path_of(track.file),
        content_type="application/octet-stream",
        filename=track.name,
        as_attachment=True,
        etag=track.sha256[:32],
    )


@require_POST
@login_required
def upload_remove(request: UserRequest, upload_pk: uuid.UUID) -> HttpResponse:
    """Discard an unfinished upload, for browsers without JavaScript."""
    found = access.get_upload(request.user, upload_pk)
    if not uploads.discard_upload(found):
        messages.info(request, _("This file has arrived already. Delete its track if you do not want it."))
    return _after_removal(request)


def read_ids(texts: list[str]) -> set[uuid.UUID]:
    """Return the valid ids among `texts`."""
    found = set()
    for text in texts:
        try:
            found.add(uuid.UUID(text))
        except ValueError:
            continue
    return found


def _show_row(request: HttpRequest, track: Track) -> HttpResponse:
    (row,) = rows_of([track])
    working = [track.pk] if row.is_working else []
    return render(request, "mixes/_track_row_alone.html", {"row": row, "working": working})


def _show_form(
    request: HtmxRequest, track: Track, form: TagsForm, *, music: MusicForm | None = None, status: int = 200
) -> HttpResponse:
    name = "mixes/_track_form.html" if is_fragment(request) else "mixes/track_edit.html"
    (row,) = rows_of([track])
    context = {"track": track, "row": row, "form": form, "back": _page_before(request)}
    context["music_form"] = music or MusicForm.of(track)
    return render(request, name, context, status=status)


def _page_before(request: HttpRequest) -> str:
    """Return the URL of the mix row where "Edit names" was pressed, or else of the library."""
    mixes, rows = (read_ids(request.GET.getlist(name)[:1]) for name in ("mix", "row"))
    if not mixes:
        return reverse("mixes:track_list")
    return reverse("mixes:mix_detail", args=list(mixes)) + "".join(f"#row-{pk}" for pk in rows)


def _after_removal(request: HtmxRequest) -> HttpResponse:
    """Remove the row from the page, or redirect to the page of the form."""
    if is_fragment(request):
        return trigger_client_event(render(request, "mixes/_track_gone.html"), "uploads:changed")
    return redirect("mixes:track_list")
