"""Shows: save a mix as one, change it, begin its next episode, take it along as a file."""

import uuid
from typing import Literal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.forms.mixes import MixSettingsForm, WordsForm
from mixes.forms.shows import ShowForm, checked_forms, first_fault, settings_in
from mixes.forms.video import VideoForm
from mixes.models import Show, Track
from mixes.pages.show_page import show_page
from mixes.services.delivery.show_archive import show_archive_response
from mixes.services.library import tracks
from mixes.services.library.form_uploads import expects_files, left_out
from mixes.services.limits import LimitReached
from mixes.services.shows import episodes, presets
from mixes.services.shows.show_file import BadShowFile, add_show, open_show_file
from mixes.views.mixes import MAX_QUERY_LENGTH

Forms = tuple[ShowForm, WordsForm, MixSettingsForm, VideoForm]


@login_required
@require_POST
def save_as_show(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    try:
        show = presets.save_as_show(mix)
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_detail", mix.pk)
    messages.success(request, _("Saved as a show: every new episode begins with these settings and words."))
    return redirect("mixes:show", show.pk)


@login_required
@require_POST
def take_over(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Let the next episodes of a mix's show begin with its settings."""
    mix = access.get_mix(request.user, mix_pk)
    if mix.show is None:
        messages.info(request, _("This mix belongs to no show. Save it as one instead."))
        return redirect("mixes:mix_detail", mix.pk)
    presets.take_over(mix.show, mix)
    messages.success(
        request, _("The next episode of “%s” begins with these settings and words.") % mix.show.name
    )
    return redirect("mixes:mix_detail", mix.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: UserRequest, show_pk: uuid.UUID) -> HttpResponse:
    """Show and save everything that new episodes begin with."""
    found = access.get_show(request.user, show_pk)
    forms = _forms(request, found)
    about, words, sound, video = forms
    if request.method == "POST" and not any(form.errors for form in forms):
        presets.change_show(found, settings_in(words, sound, video), **about.values())
        messages.success(request, _("Saved. Episodes that you have begun stay as they are."))
        return redirect("mixes:show", found.pk)
    context = {
        "show": found,
        "sheet": show_page(found),
        "form": about,
        "words_form": words,
        "video_form": video,
        "settings_form": sound,
    }
    return render(request, "mixes/show.html", context, status=422 if about.is_bound else 200)


def _forms(request: UserRequest, show: Show) -> Forms:
    data = request.POST if request.method == "POST" else None
    preset = presets.preset_of(show)
    return (
        ShowForm(data, show=show),
        WordsForm(data, initial=WordsForm.values_of(preset)),
        MixSettingsForm(data, initial=MixSettingsForm.values_of(preset)),
        VideoForm(data, initial=VideoForm.values_of(preset)),
    )


@login_required
@require_POST
def new_episode(request: UserRequest, show_pk: uuid.UUID) -> HttpResponse:
    found = access.get_show(request.user, show_pk)
    try:
        mix, notes = episodes.start_episode(found)
    except LimitReached as error:
        messages.error(request, str(error))
        return redirect("mixes:mix_list")
    for note in notes:
        messages.warning(request, note)
    return redirect("mixes:mix_detail", mix.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def song(request: UserRequest, show_pk: uuid.UUID, place: Literal["intro", "outro"]) -> HttpResponse:
    """Choose the first or the last song of each episode from the library."""
    found = access.get_show(request.user, show_pk)
    if request.method == "POST":
        chosen = _chosen_track(request)
        if chosen is None and "none" not in request.POST:
            messages.info(request, _("Choose a song."))
            return redirect(f"mixes:show_{place}", found.pk)
        presets.change_show(found, {}, **{place: chosen})
        return redirect("mixes:show", found.pk)
    query = request.GET.get("q", "").strip()[:MAX_QUERY_LENGTH]
    page = tracks.find_tracks(request.user, query, request.GET.get("page", 1), with_refused=False)
    context = {"show": found, "page": page, "query": query, "place": place, "chosen": getattr(found, place)}
    return render(request, "mixes/show_song.html", context)


def _chosen_track(request: UserRequest) -> Track | None:
    try:
        pk = uuid.UUID(request.POST.get("track", ""))
    except ValueError:
        return None
    usable = Track.objects.filter(owner=request.user, deleted_at=None).exclude(state=Track.State.REFUSED)
    return usable.defer("waveform").filter(pk=pk).first()


@login_required
@require_safe
def show_file(request: UserRequest, show_pk: uuid.UUID) -> HttpResponseBase:
    """Download a show as one file: its settings, its picture, its intro and outro."""
    return show_archive_response(request, access.get_show(request.user, show_pk))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@expects_files(1, limit="file_bytes")
def show_import(request: UserRequest) -> HttpResponse:
    """Add a show from its file."""
    if request.method != "POST":
        return render(request, "mixes/show_import.html")
    file = request.FILES.get("file")
    if not file:
        reasons = [f"{name}: {reason}" for name, reason in left_out(request)]
        messages.error(request, " ".join(reasons) or _("Choose a file first."))
        return redirect("mixes:show_import")
    try:
        opened = open_show_file(file)
        about, words, sound, video = checked_forms(opened.about, opened.preset, Show())
        if fault := first_fault((about, words, sound, video)):
            raise BadShowFile(_("This show cannot be used: %s") % fault)
        added, notes = add_show(request.user, opened, about.values(), settings_in(words, sound, video))
    except (BadShowFile, LimitReached) as error:
        messages.error(request, str(error))
        return redirect("mixes:show_import")
    for note in notes:
        messages.warning(request, note)
    messages.success(request, _("The show “%s” was added.") % added.name)
    return redirect("mixes:show", added.pk)


@login_required
@require_POST
def show_delete(request: UserRequest, show_pk: uuid.UUID) -> HttpResponse:
    found = access.get_show(request.user, show_pk)
    presets.delete_show(found)
    messages.success(request, _("The show “%s” was deleted. Its episodes are still here.") % found.name)
    return redirect("mixes:mix_list")
