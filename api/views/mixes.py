"""Mixes and the tracks in them."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Router

from api.authentication import ApiRequest, Bearer
from api.shapes.common import Cursor, IdempotencyKey, IfMatch, Limit, Page
from api.shapes.mixes import MixIn, MixNew, MixOut, MixSummary, SettingsIn, TracksIn, summary_of
from api.views.common import answer_mix, edit_mix, form_problem, invalid_ids, list_page, once, seen_version
from mixes import access
from mixes.forms.fields import LengthChoice
from mixes.forms.mixes import MixSettingsForm
from mixes.models import Mix, Track
from mixes.pages.mix_list import LONG
from mixes.services.editing import edits
from mixes.services.editing.arrangement import change_settings
from mixes.services.library import tracks

router = Router(tags=["mixes"])
WORDS = ("title", "artist", "description_template", "hashtags")


@router.get("/mixes", response=Page[MixSummary])
def mix_list(request: ApiRequest, cursor: Cursor, limit: Limit) -> Page[MixSummary]:
    """Return the mixes, newest first."""
    rows = access.mixes_of(request.user).defer(*LONG)
    return list_page(rows, cursor, limit, lambda mix: MixSummary(**summary_of(mix)))


@router.post("/mixes", response={201: MixOut}, auth=Bearer("write"))
def mix_create(
    request: ApiRequest, response: HttpResponse, body: MixNew, idempotency_key: IdempotencyKey
) -> Any:
    """Create a mix of tracks; they may still be on their way."""

    def work() -> MixOut:
        changes = read_settings(Mix(), body.settings)
        used = usable_tracks(request, body.tracks)
        return answer_mix(edits.create_filled_mix(request.user, body.title, used, changes), response)

    return once(request, idempotency_key, response, work)


@router.get("/mixes/{uuid:mix_id}", response=MixOut)
def mix(request: ApiRequest, response: HttpResponse, mix_id: UUID) -> MixOut:
    """Return a mix; its version is the ETag."""
    return answer_mix(access.get_mix_state(request.user, mix_id), response)


@router.patch("/mixes/{uuid:mix_id}", response=MixOut, auth=Bearer("write"))
def mix_change(
    request: ApiRequest, response: HttpResponse, mix_id: UUID, body: MixIn, if_match: IfMatch
) -> MixOut:
    """Change words and settings of a mix, as one step of undo."""
    found = access.get_mix(request.user, mix_id)
    words = {name: value for name, value in body.model_dump(exclude_unset=True).items() if name in WORDS}
    if "title" in words:
        words["title"] = edits.clean_title(words["title"]) or found.title
    changes = read_settings(found, body.settings)
    what = _("Changed settings") if changes else _("Changed the words")
    return edited(found, if_match, response, what, lambda a: change_settings(a, **words, **changes))


def edited(
    found: Mix, if_match: str | None, response: HttpResponse, what: str, change: edits.Change
) -> MixOut:
    """Edit a mix and return it. Raises Problem when the version in `if_match` is not the present one."""
    seen = seen_version(if_match)
    return answer_mix(edit_mix(found, lambda: edits.edit(found, seen, what, change)), response)


@router.delete("/mixes/{uuid:mix_id}", response={204: None}, auth=Bearer("write"))
def mix_remove(request: ApiRequest, mix_id: UUID) -> None:
    """Move a mix to the bin and cancel its jobs."""
    edits.bin_mix(access.get_mix(request.user, mix_id))


@router.put("/mixes/{uuid:mix_id}/tracks", response=MixOut, auth=Bearer("write"))
def mix_tracks(
    request: ApiRequest, response: HttpResponse, mix_id: UUID, body: TracksIn, if_match: IfMatch
) -> MixOut:
    """Set the tracks of a mix in order; what is set for those that stay is kept."""
    found = access.get_mix(request.user, mix_id)
    used = usable_tracks(request, body.tracks)
    return edited(
        found, if_match, response, _("Changed the songs"), lambda a: edits.set_tracks_within_limit(a, used)
    )


def usable_tracks(request: ApiRequest, asked: list[UUID]) -> list[UUID]:
    """Return the ids of tracks that stayed. Raises Problem when one is missing or cannot be used."""
    known = tracks.known_as(request.user, asked)
    unknown = [pk for pk in asked if pk not in known or known[pk].state == Track.State.REFUSED]
    if unknown:
        raise invalid_ids("tracks", unknown)
    return [known[pk].pk for pk in asked]


def read_settings(mix: Mix, body: SettingsIn) -> dict[str, Any]:
    """Return the columns that settings change, checked as the page's form checks them. Raises Problem."""
    given = body.model_dump(exclude_unset=True)
    if not given:
        return {}
    data = {**MixSettingsForm.values_of(mix), **given}
    data["length"] = LengthChoice.AUTO if data["transition_s"] is None else LengthChoice.SET
    data["loudness"] = "untouched" if data["target_lufs"] is None else "own"
    form = MixSettingsForm(data)
    if not form.is_valid():
        raise form_problem(form.errors)
    return {name: value for name, value in form.changes().items() if name in given}
