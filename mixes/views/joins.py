"""The panel of one join: its preview and its settings."""

import uuid
from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.requests import UserRequest
from mixes import access
from mixes.forms.joins import JoinForm
from mixes.models import Mix, MixTrack
from mixes.pages.join_page import JoinPage, join_page
from mixes.pages.mix_page import MixPage
from mixes.services.editing import arrangement, join_edits
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
    if request.method == "POST" and "reset" in request.POST:
        return _reset(request, item)
    page = join_page(item)
    if page is None:
        raise Http404(NO_JOIN)
    if request.method != "POST":
        return _show_panel(request, page, _form(page))
    form = JoinForm(request.POST, values=page.values)
    if not form.is_valid():
        return _show_panel(request, page, form, status=422)
    return _save(request, item, page.into.pk, form.change(), form.changed_values())


def _reset(request: UserRequest, item: MixTrack) -> HttpResponse:
    into = join_target(item)
    if into is None:
        raise Http404(NO_JOIN)
    return _save(request, item, into, arrangement.JoinChange())


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
    change: arrangement.JoinChange,
    changed: Sequence[str] = (),
) -> HttpResponse:
    """Save a join. Changes of the same values that follow each other at once are one step of undo."""

    def edit() -> Mix:
        return join_edits.save_join(item, into, change, changed, seen_version(request))

    def panel(whole: MixPage) -> dict[str, object]:
        page = join_page(item, whole)
        return {"join_sheet": page, "join_form": page and _form(page), "styles": STYLES}

    return apply_edit(request, item.mix, edit, place=f"join-{item.pk}", more=panel)


def _form(page: JoinPage) -> JoinForm:
    return JoinForm(values=page.values)


def _show_panel(request: UserRequest, page: JoinPage, form: JoinForm, status: int = 200) -> HttpResponse:
    template = "mixes/_join_panel.html" if is_fragment(request) else "mixes/join_detail.html"
    context = {"mix": page.item.mix, "join_sheet": page, "join_form": form, "styles": STYLES}
    return render(request, template, context, status=status)
