"""Songs of a mix: the page of one song, and whole rows for lists that show short ones."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.pages.mix_page import mix_page


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
