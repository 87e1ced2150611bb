"""Files that were in the library already: remembered when they are added, reported once it is known."""

import uuid
from collections.abc import Iterable

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.requests import UserRequest
from mixes.models import Track
from mixes.services.library import tracks

ADDED = "added"  # key in the session: ids of tracks added to mixes that were not ready when last looked at
MAX_ADDED = 100
MAX_NAMED = 5  # songs in one sentence


def note_added(request: UserRequest, track: uuid.UUID) -> None:
    """Remember a track that was added to a mix and may turn out to be a duplicate."""
    request.session[ADDED] = [*request.session.get(ADDED, []), str(track)][-MAX_ADDED:]


def report_duplicates(request: UserRequest) -> None:
    """Add a message if one of the tracks added was replaced by an earlier track of the same file."""
    if not (added := request.session.get(ADDED)):
        return
    found = Track.objects.filter(owner=request.user, pk__in=added).values_list("pk", "state")
    states = {str(pk): state for pk, state in found}
    gone = [uuid.UUID(pk) for pk in added if pk not in states]
    if gone:
        report_replaced(request, gone)
    if (waiting := [pk for pk in added if states.get(pk) in tracks.WORKING]) != added:
        request.session[ADDED] = waiting


def report_replaced(request: UserRequest, gone: Iterable[uuid.UUID]) -> None:
    """Add a message that names the earlier tracks kept instead of tracks that are gone, if there are any."""
    titles = tracks.titles_kept(request.user, gone)
    if not titles:
        return
    named = ", ".join(f"“{title}”" for title in titles[:MAX_NAMED])
    if (more := len(titles) - MAX_NAMED) > 0:
        named = _("%(named)s and %(more)d more") % {"named": named, "more": more}
    words = ngettext(
        "%s was in your library already, so it is not kept twice.",
        "%s were in your library already, so they are not kept twice.",
        len(titles),
    )
    messages.info(request, words % named)
