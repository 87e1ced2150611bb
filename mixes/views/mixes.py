"""Pages of mixes: the list, the editor, the look, and actions on a whole mix."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.requests import UserRequest
from mixes import access
from mixes.forms.mixes import LookForm
from mixes.forms.video import WatchForm
from mixes.models import Mix, MixTrack, Track
from mixes.pages.look_page import describe, look_page
from mixes.pages.mix_list import find_mixes
from mixes.pages.mix_state import state_of
from mixes.pages.show_page import show_cards
from mixes.services import demo
from mixes.services.editing import arrangement, edits, jingles
from mixes.services.library import tracks
from mixes.services.limits import LimitReached
from mixes.views.duplicates import report_duplicates
from mixes.views.fragments import is_fragment
from mixes.views.mix_edits import (
    EDITS,
    HISTORY_EDITS,
    ROWS_COOKIE,
    ROWS_KEPT_S,
    BadEdit,
    apply_edit,
    seen_version,
    settings_form,
    show_mix,
    warn_of_lost_tracks,
)
from mixes.views.toasts import undoable

MAX_QUERY_LENGTH = 200  # characters; each word adds one more condition per row
MAX_PICKED = 100  # tracks added from the library at once, two pages of it


@login_required
@require_safe
def mix_list(request: UserRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:MAX_QUERY_LENGTH]
    page = find_mixes(request.user, query, request.GET.get("page", 1))
    context = {"page": page, "query": query, "shows": show_cards(request.user)}
    return render(request, "mixes/mix_list.html", context)


@login_required
@require_POST
def mix_create(request: UserRequest) -> HttpResponse:
    try:
        mix = edits.create_mix(request.user, request.POST.get("title", "")[: edits.TITLE_LENGTH])
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_list")
    return redirect("mixes:mix_detail", mix.pk)


@login_required
@require_POST
def mix_demo(request: UserRequest) -> HttpResponse:
    try:
        mix = demo.add_demo_set(request.user)
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_list")
    return redirect("mixes:mix_detail", mix.pk)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def mix_detail(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Show the editor; `?rows=` chooses short or whole rows, which the browser remembers."""
    mix = access.get_mix(request.user, mix_pk)
    chosen = request.GET.get("rows")
    if chosen not in ("compact", "full"):
        return show_mix(request, mix)
    response = redirect(f"{reverse('mixes:mix_detail', args=(mix.pk,))}#order")
    response.set_cookie(ROWS_COOKIE, chosen, max_age=ROWS_KEPT_S, samesite="Lax", httponly=True)
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mix_state(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Answer a poll with the fragments that differ from what the page shows, with nothing if none do.

    A page that names all it shows sends it as a form, because it is too long for an address.
    """
    mix = access.get_mix_state(request.user, mix_pk)
    named = request.POST if request.method == "POST" else request.GET
    if named.get("seen") == state_of(mix):
        return HttpResponse(status=204)
    report_duplicates(request)
    return show_mix(request, mix)


@login_required
@require_POST
def mix_edit(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Run the edit named by the form's fields."""
    mix = access.get_mix(request.user, mix_pk)

    def edit() -> Mix:
        for name, make in EDITS.items():
            if name in request.POST:
                edited = make(mix, seen_version(request), request.POST[name])
                if make in HISTORY_EDITS:
                    warn_of_lost_tracks(request, edited)
                return edited
        raise BadEdit

    return apply_edit(request, mix, edit)


@login_required
@require_POST
def mix_settings(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    form = settings_form(mix, request.POST)
    if not form.is_valid():
        return show_mix(request, mix, status=422, form=form)
    changes = {name: value for name, value in form.changes().items() if value != getattr(mix, name)}
    names = [str(form.fields[name].label) for name in changes if name in form.fields]
    what = _("Changed “%s”") % names[0] if len(names) == 1 else _("Changed settings")

    def edit() -> Mix:
        return edits.edit(
            mix,
            seen_version(request),
            what,
            lambda a: arrangement.change_settings(a, **changes),
            group=f"set:{next(iter(changes), '')}"[:20] if len(changes) == 1 else "",
        )

    return apply_edit(request, mix, edit, place="mix-settings")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def mix_look(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    if request.method != "POST":
        return _show_look(request, mix, LookForm(initial=LookForm.values_of(mix)))
    form = LookForm(request.POST)
    if not form.is_valid():
        return _show_look(request, mix, form, status=422)
    if "preview" in request.POST:
        words = describe(mix, **form.cleaned_data)
        return render(request, "mixes/_look_preview.html", {"mix": mix, "words": words})
    return _save_look(request, mix, form.cleaned_data, _("Changed the words"), group="words")


@login_required
@require_POST
def mix_video(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Save what the video shows."""
    mix = access.get_mix(request.user, mix_pk)
    form = WatchForm(request.POST, mix=mix)
    if not form.is_valid():
        return _show_look(request, mix, LookForm(initial=LookForm.values_of(mix)), status=422, video=form)
    return _save_look(request, mix, form.changes(), _("Changed the video"), group="video")


def _save_look(
    request: UserRequest, mix: Mix, changes: dict[str, Any], what: str, *, group: str
) -> HttpResponse:
    try:
        mix = edits.edit(
            mix,
            seen_version(request),
            what,
            lambda a: arrangement.change_settings(a, **changes),
            group=group,
        )
    except (edits.StaleEdit, BadEdit):
        messages.warning(
            request,
            _("This mix was changed elsewhere, so your last change was not made. This is how it is now."),
        )
        mix = access.get_mix(request.user, mix.pk)
        return _show_look(request, mix, LookForm(initial=LookForm.values_of(mix)), status=409)
    if is_fragment(request):
        return _show_look(request, mix, LookForm(initial=LookForm.values_of(mix)))
    messages.success(request, _("Saved."))
    return redirect("mixes:mix_look", mix.pk)


def _show_look(
    request: UserRequest, mix: Mix, form: LookForm, status: int = 200, video: WatchForm | None = None
) -> HttpResponse:
    page = "mixes/_look_pieces.html" if is_fragment(request) else "mixes/mix_look.html"
    context = {"mix": mix, "look": look_page(mix), "form": form, "video_form": video or WatchForm(mix=mix)}
    return render(request, page, context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mix_add(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Choose tracks from the library."""
    mix = access.get_mix(request.user, mix_pk)
    after = _item_before(request, mix)
    if request.method == "POST":
        return _add_picked(request, mix, after)
    query = request.GET.get("q", "").strip()[:MAX_QUERY_LENGTH]
    page = tracks.find_tracks(request.user, query, request.GET.get("page", 1), with_refused=False)
    there = set(mix.items.values_list("track", flat=True))
    context = {"mix": mix, "page": page, "query": query, "there": there, "after": after}
    context["distances"] = jingles.DISTANCES if len(there) > 1 and not after else ()
    return render(request, "mixes/mix_add.html", context)


def _item_before(request: UserRequest, mix: Mix) -> MixTrack | None:
    """Return the item behind which songs are to be added; None for the end of the mix."""
    wanted = request.GET.get("after", "")
    return mix.items.select_related("track").filter(pk=wanted).first() if _is_uuid(wanted) else None


def _add_picked(request: UserRequest, mix: Mix, after: MixTrack | None) -> HttpResponse:
    wanted = [pk for pk in request.POST.getlist("track")[:MAX_PICKED] if _is_uuid(pk)]
    usable = Track.objects.defer("waveform").exclude(state=Track.State.REFUSED)
    found = usable.filter(owner=request.user, deleted_at=None).in_bulk(wanted)
    picked = [found[uuid.UUID(pk)] for pk in wanted if uuid.UUID(pk) in found]
    if not picked:
        messages.info(request, _("Choose at least one song."))
        return redirect("mixes:mix_add", mix.pk)
    between = request.POST.get("between", "")
    every = int(between) if between in map(str, jingles.DISTANCES) else None
    try:
        if every:
            is_changed = jingles.put_between(mix, picked, every)
        else:
            edits.add_from_library(mix, picked, after.pk if after else None)
            is_changed = True
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_add", mix.pk)
    if not every:
        messages.success(request, ngettext("%d song added.", "%d songs added.", len(picked)) % len(picked))
    elif is_changed:
        messages.success(request, _("The jingles are between the songs. Undo takes them all out again."))
    else:
        messages.info(
            request, _("Nothing changed: there are too few songs, or the jingles are there already.")
        )
    return redirect("mixes:mix_detail", mix.pk)


@login_required
@require_POST
def mix_duplicate(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    original = access.get_mix(request.user, mix_pk)
    try:
        mix = edits.duplicate_mix(original, with_songs="without_songs" not in request.POST)
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_detail", original.pk)
    messages.success(request, _("This is the copy; the original is as it was."))
    return redirect("mixes:mix_detail", mix.pk)


@login_required
@require_POST
def mix_delete(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    edits.bin_mix(mix)
    messages.success(request, undoable(_("“%s” is in the bin.") % mix.title, "mixes:mix_restore", mix.pk))
    return redirect("mixes:mix_list")


@login_required
@require_POST
def mix_restore(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_binned_mix(request.user, mix_pk)
    edits.restore_mix(mix)
    messages.success(request, _("“%s” is back.") % mix.title)
    return redirect("mixes:mix_detail", mix.pk)


def _is_uuid(value: str) -> bool:
    try:
        return bool(uuid.UUID(value))
    except ValueError:
        return False
