"""Files that were in the library already: remembered when they are added, reported once it is known."""

import uuid

from django.contrib import messages
from django.utils.translation import gettext as _

from accounts.requests import UserRequest
from mixes.models import Track
from mixes.services.library import tracks

ADDED = "added"  # key in the session: ids of tracks added to mixes that were not ready when last looked at
MAX_ADDED = 100


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
    if gone and tracks.were_duplicates(request.user, gone):
        messages.info(request, _("That file was in your library already, so it is not kept twice."))
    if (waiting := [pk for pk in added if states.get(pk) in tracks.WORKING]) != added:
        request.session[ADDED] = waiting
