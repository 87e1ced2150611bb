"""What operations share: lists by cursor, answers given once, edits of a version of a mix."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Schema

from api.authentication import ApiRequest
from api.problems import Problem, invalid_fields
from api.services.cursors import BadCursor, page_of
from api.services.stored_answers import KeyReused, answer_once, fingerprint_of
from api.shapes.common import Page
from api.shapes.mixes import MixOut, show_mix
from mixes import access
from mixes.models import Mix
from mixes.services.editing.arrangement import NoSuchItem
from mixes.services.editing.edits import StaleEdit
from mixes.services.editing.engine_settings import items_of

VERSION_TAG = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')


def list_page(rows: QuerySet[Any], cursor: str, limit: int, show: Callable[[Any], Any]) -> Page[Any]:
    """Return one page of rows, each as `show` makes it. Raises Problem for an unknown cursor."""
    try:
        page = page_of(rows, cursor, limit)
    except BadCursor:
        sentence = _("This is no cursor that a page of this list gave.")
        raise invalid_fields([{"field": "cursor", "sentence": sentence}]) from None
    return Page(items=[show(row) for row in page.rows], next=page.next or None)


def once(request: ApiRequest, key: str | None, response: HttpResponse, work: Callable[[], Schema]) -> Any:
    """Do `work`, or with a key that came before return its answer. Raises Problem for a key used twice."""
    if key is None:
        return work()
    fingerprint = fingerprint_of(str(request.method).encode(), request.path.encode(), request.body)
    try:
        body, was_kept = answer_once(request.user, key, fingerprint, lambda: work().model_dump(mode="json"))
    except KeyReused as error:
        raise Problem(422, "key-reused", str(error)) from None
    if was_kept:
        response["Idempotent-Replayed"] = "true"
    return body


def seen_version(if_match: str | None) -> int | None:
    """Return the version in an `If-Match` header; None where any will do. Raises Problem."""
    if if_match is None or if_match.strip() == "*":
        return None
    if found := VERSION_TAG.fullmatch(if_match.strip()):
        return int(found[1])
    raise Problem(412, "no-version", _('If-Match is the version of the mix in quotes, such as "7".'))


def edit_mix(mix: Mix, edit: Callable[[], Mix]) -> Mix:
    """Run an edit and return the mix. Raises Problem with the mix as it is now when it was stale."""
    try:
        return edit()
    except StaleEdit:
        now = access.get_mix(mix.owner, mix.pk)
        sentence = _("This mix was changed elsewhere, so this change was not made. This is how it is now.")
        current = show_mix(now, items_of(now)).model_dump(mode="json")
        headers = {"ETag": etag_of(now)}
        raise Problem(409, "stale-version", sentence, headers=headers, current=current) from None
    except NoSuchItem:
        raise Problem(404, "not-found", _("This mix has no such song.")) from None


def answer_mix(mix: Mix, response: HttpResponse) -> MixOut:
    """Return a mix with its version as the entity tag."""
    response["ETag"] = etag_of(mix)
    return show_mix(mix, items_of(mix))


def etag_of(mix: Mix) -> str:
    return f'"{mix.version}"'


def form_problem(errors: Any) -> Problem:
    """Return the problem for the errors of a form."""
    found = [{"field": name, "sentence": str(text)} for name, texts in errors.items() for text in texts]
    return invalid_fields(found)


def invalid_ids(name: str, unknown: list[UUID]) -> Problem:
    """Return the problem for ids of things that are not there."""
    sentence = _("There is no such thing, or it is not yours: %s") % ", ".join(map(str, unknown[:5]))
    return invalid_fields([{"field": name, "sentence": sentence}])
