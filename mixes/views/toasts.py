"""Messages with a button."""

import uuid

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _


def undoable(text: str, url: str, pk: uuid.UUID) -> str:
    """Return a message with an undo button, which submits the page's form `undo-form`."""
    return format_html(
        '{} <button class="btn btn-quiet" form="undo-form" formaction="{}" name="undo" value="1">{}</button>',
        text,
        reverse(url, args=(pk,)),
        _("Undo"),
    )
