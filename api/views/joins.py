"""Joins of a mix."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from ninja import Router

from api.authentication import ApiRequest, Bearer
from api.shapes.common import IfMatch, Items
from api.shapes.joins import JoinIn, JoinOut, show_joins
from api.views.common import edit_mix, etag_of, form_problem, seen_version
from mixes import access
from mixes.forms.joins import JoinForm, show_value
from mixes.models import Mix, MixTrack
from mixes.pages.join_page import join_page
from mixes.services.editing import join_edits
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.join_values import FIELDS
from mixes.services.editing.plans import plan_of

router = Router(tags=["joins"])


@router.get("/mixes/{uuid:mix_id}/joins", response=Items[JoinOut])
def join_list(request: ApiRequest, response: HttpResponse, mix_id: UUID) -> Items[JoinOut]:
    """Return the joins of a mix as planned; songs that are not ready have none yet."""
    mix = access.get_mix(request.user, mix_id)
    response["ETag"] = etag_of(mix)
    return Items(items=joins_of(mix))


def joins_of(mix: Mix) -> list[JoinOut]:
    items = items_of(mix)
    plan = plan_of(mix, items)
    return show_joins(plan.timeline, plan.used(items)) if plan else []


@router.patch("/mixes/{uuid:mix_id}/joins/{uuid:item_id}", response=JoinOut, auth=Bearer("write"))
def join_change(
    request: ApiRequest,
    response: HttpResponse,
    mix_id: UUID,
    item_id: UUID,
    body: JoinIn,
    if_match: IfMatch,
) -> JoinOut:
    """Set values of the join after a song, within what its songs allow."""
    item = access.get_item(request.user, mix_id, item_id)
    page = join_page(item)
    if page is None:
        raise Http404
    form = JoinForm(form_data(page.values, body), values=page.values)
    if not form.is_valid():
        raise form_problem(form.errors)
    seen = seen_version(if_match)
    changed = form.changed_values()
    mix = edit_mix(item.mix, lambda: join_edits.save_join(item, page.into.pk, form.change(), changed, seen))
    return answer_join(mix, item, response)


@router.delete("/mixes/{uuid:mix_id}/joins/{uuid:item_id}", response=JoinOut, auth=Bearer("write"))
def join_reset(
    request: ApiRequest, response: HttpResponse, mix_id: UUID, item_id: UUID, if_match: IfMatch
) -> JoinOut:
    """Set the join after a song back to the chosen one."""
    item = access.get_item(request.user, mix_id, item_id)
    seen = seen_version(if_match)
    mix = edit_mix(item.mix, lambda: join_edits.reset_join(item, seen))
    return answer_join(mix, item, response)


def answer_join(mix: Mix, item: MixTrack, response: HttpResponse) -> JoinOut:
    """Return the join after an item. Raises Http404 where none follows."""
    response["ETag"] = etag_of(mix)
    found = next((join for join in joins_of(mix) if join.id == item.pk), None)
    if found is None:
        raise Http404
    return found


def form_data(values: Any, body: JoinIn) -> dict[str, Any]:
    """Return the fields of the page's form with what a request changes."""
    given = body.model_dump(exclude_unset=True)
    texts = {
        name: show_value(name, values.by_hand[name]) if name in values.by_hand else "" for name in FIELDS
    }
    for name in FIELDS:
        if name in given:
            texts[name] = "" if given[name] is None else repr(given[name])
    return {
        **texts,
        "length": given.get("length", values.length),
        "style": given.get("style", values.style),
        "play_to_end": given.get("play_to_end", values.play_to_end),
    }
