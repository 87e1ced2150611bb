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
from mixes.models import Mix
from mixes.pages.join_page import JoinPage, join_page
from mixes.services.editing import arrangement, edits
from mixes.services.rendering import previews
from mixes.services.wording import STYLES
from mixes.views.fragments import is_fragment
from mixes.views.mix_edits import apply_edit, seen_version
from mixes.views.previews import refuse, show_preview


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def join(request: UserRequest, mix_pk: uuid.UUID, item_pk: uuid.UUID) -> HttpResponse:
    item = access.get_item(request.user, mix_pk, item_pk)
    page = join_page(item)
    if page is None:
        raise Http404("There is no join after this song yet.")
    if request.method != "POST":
        return _show_panel(request, page, _form(page))
    if "reset" in request.POST:
        return _save(request, page)
    form = JoinForm(request.POST)
    if not form.is_valid():
        return _show_panel(request, page, form, status=422)
    data = form.cleaned_data
    return _save(
        request,
        page,
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
    page: JoinPage,
    style: str = "",
    transition_s: float | Literal["auto"] | None = None,
    play_to_end: bool = False,
) -> HttpResponse:
    item, into = page.item, page.into.pk
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

    def panel(mix: Mix) -> dict[str, object]:
        changed = access.get_item(request.user, mix.pk, item.pk)
        changed.mix = mix  # the plan is computed once and serves the rest of the page too
        page = join_page(changed)
        return {"join_sheet": page, "join_form": page and _form(page), "styles": STYLES}

    return apply_edit(request, item.mix, edit, place=f"join-{item.pk}", more=panel)


def _form(page: JoinPage) -> JoinForm:
    return JoinForm(initial=JoinForm.values_of(page.item, page.into, page.join.length_s))


def _show_panel(request: UserRequest, page: JoinPage, form: JoinForm, status: int = 200) -> HttpResponse:
    template = "mixes/_join_panel.html" if is_fragment(request) else "mixes/join_detail.html"
    context = {"mix": page.item.mix, "join_sheet": page, "join_form": form, "styles": STYLES}
    return render(request, template, context, status=status)
