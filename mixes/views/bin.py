"""The bin: recently deleted mixes and tracks, and restoring them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import UserRequest
from mixes.pages.bin import binned_mixes, binned_tracks


@login_required
@require_safe
def bin_page(request: UserRequest) -> HttpResponse:
    found = {"mixes": binned_mixes(request.user), "tracks": binned_tracks(request.user)}
    return render(request, "mixes/bin.html", found)
