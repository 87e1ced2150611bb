"""The panel of one join: its preview and its settings."""

import uuid
from typing import Literal

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.requests import UserRequest
from mixes import access
from mixes.forms.mixes import JoinForm
from mixes.models import Mix, MixTrack
from mixes.pages.join_page import JoinPage, join_page
from mixes.pages.mix_page import MixPage
from mixes.services.editing import arrangement, edits
from mixes.services.editing.plans import join_target
from mixes.services.rendering import previews
from mixes.services.wording import STYLES
from mixes.views.fragments import is_fragment
from mixes.views.mix_edits import apply_edit, seen_version
from mixes.views.previews import refuse, show_preview

NO_JOIN = "There is no join after this song yet."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def join(request: UserRequest, mix_pk: uuid.UUID, item_pk: uuid.UUID) -> HttpResponse:
    item = access.get_item(request.user, mix_pk, item_pk)
    form = JoinForm(request.POST)
    if request.method == "POST" and ("reset" in request.POST or form.is_valid()):
        return _change(request, item, form)
    page = join_page(item)
    if page is None:
        raise Http404(NO_JOIN)
    if request.method == "POST":
        return _show_panel(request, page, form, status=422)
    return _show_panel(request, page, _form(page))


def _change(request: UserRequest, item: MixTrack, form: JoinForm) -> HttpResponse:
    into = join_target(item)
    if into is None:
        raise Http404(NO_JOIN)
    if "reset" in request.POST:
        return _save(request, item, into)
    data = form.cleaned_data
    return _save(
        request,
        item,
        into,
        style=data["style"],
        transition_s=form.transition_s(),
        play_to_end=data["play_to_end"],
    )


@login_required
@require_POST
def join_preview(request: UserRequest, mix_pk: uuid.UUID, item_pk: uuid.UUID) -> HttpResponse:
    """Request the audio preview of a join."""
    item = access.get_item(request.user, mix_pk, item_pk)
    if join_page(item) is None:
        return refuse(request, _("This join can be heard once both of its songs are ready."))
    try:
        return show_preview(request, previews.request_join(item))
    except previews.NoPreview as error:
        return refuse(request, str(error))


def _save(
    request: UserRequest,
    item: MixTrack,
    into: uuid.UUID,
    style: str = "",
    transition_s: float | Literal["auto"] | None = None,
    play_to_end: bool = False,
) -> HttpResponse:
    name = (item.track.title or item.track.name)[:100]

    def edit() -> Mix:
        return edits.edit(
            item.mix,
            seen_version(request),
            _("Changed the join after “%s”") % name,
            lambda a: arrangement.set_join(
                a, item.pk, into=into, style=style, transition_s=transition_s, play_to_end=play_to_end
            ),
            group=f"join:{item.pk.hex}"[:20],
        )

    def panel(whole: MixPage) -> dict[str, object]:
        page = join_page(item, whole)
        return {"join_sheet": page, "join_form": page and _form(page), "styles": STYLES}

    return apply_edit(request, item.mix, edit, place=f"join-{item.pk}", more=panel)


def _form(page: JoinPage) -> JoinForm:
    return JoinForm(initial=JoinForm.values_of(page.item, page.into, page.join.length_s))


def _show_panel(request: UserRequest, page: JoinPage, form: JoinForm, status: int = 200) -> HttpResponse:
    template = "mixes/_join_panel.html" if is_fragment(request) else "mixes/join_detail.html"
    context = {"mix": page.item.mix, "join_sheet": page, "join_form": form, "styles": STYLES}
    return render(request, template, context, status=status)
