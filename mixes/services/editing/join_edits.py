"""Edits of a join that can be undone, with their names."""

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext as _

from mixes.models import Mix, MixTrack
from mixes.services.editing import arrangement, edits
from mixes.services.editing.arrangement import JoinChange, NoSuchItem
from mixes.services.editing.plans import join_target

CODES = {  # of the values of a join, in the group of an edit
    "ends_at": "e",
    "begins_at": "b",
    "overlap": "o",
    "gain_a": "g",
    "gain_b": "h",
    "length": "l",
    "style": "s",
    "play_to_end": "p",
}


def save_join(
    item: MixTrack, into: UUID, change: JoinChange, changed: Sequence[str], seen: int | None
) -> Mix:
    """Save a join and return the mix. Changes of the same values that follow each other are one step of undo.

    `changed` names the values that differ. Raises StaleEdit and NoSuchItem.
    """
    codes = "".join(CODES[name] for name in changed)
    return edits.edit(
        item.mix,
        seen,
        words_of(item, changed),
        lambda a: arrangement.set_join(a, item.pk, into, change),
        group=f"{codes}:{item.pk.hex}"[:20] if codes else "",
        within=edits.DRAGGING,
    )


def reset_join(item: MixTrack, seen: int | None) -> Mix:
    """Set the join after an item back to the automatic one. Raises StaleEdit, NoSuchItem without one."""
    into = join_target(item)
    if into is None:
        raise NoSuchItem(item.pk)
    return save_join(item, into, JoinChange(), (), seen)


def words_of(item: MixTrack, changed: Sequence[str]) -> str:
    """Return the name of an edit of the join after an item, for the undo button."""
    title = (item.track.title or item.track.name)[:100]
    words = {
        "ends_at": _("Changed where “%s” ends"),
        "begins_at": _("Changed where the song after “%s” begins"),
        "gain_a": _("Changed the level of “%s”"),
        "gain_b": _("Changed the level of the song after “%s”"),
    }
    whole = _("Changed the join after “%s”")
    return (words.get(changed[0], whole) if len(changed) == 1 else whole) % title
