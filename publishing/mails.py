"""Mails about publications: published, failed, or waiting for the owner."""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.translation import gettext as _

from publishing.models import Phase, Publication
from publishing.protocol import publisher_of

logger = logging.getLogger(__name__)


def mail_published(publication: Publication, notes: Sequence[str]) -> None:
    """Send a mail that the service has finished, with the notes for the owner."""
    publisher = publisher_of(publication)
    text = str(publisher.live_text) % {"title": title_of(publication)}
    send(publication, str(publisher.live_subject), [f"{text} {publisher.result_url(publication)}", *notes])


def mail_failure(publication: Publication, sentence: str) -> None:
    send(publication, _("“%s” could not be published"), [sentence])


def mail_hold(rows: type[Publication], pk: Any, sentence: str) -> None:
    """Send a mail that a publication waits for its owner, if it still does."""
    phases = (Phase.NEEDS_RECONNECT, Phase.NEEDS_REVIEW)
    publication = rows._default_manager.filter(pk=pk, phase__in=phases).first()
    if publication:
        send(publication, _("“%s” waits for you"), [sentence])


def send(publication: Publication, subject: str, sentences: Sequence[str]) -> None:
    """Send a mail; a failure is logged and ignored."""
    if not settings.HAS_MAIL:
        return
    url = settings.SITE_URL + reverse(publisher_of(publication).page, args=[publication.pk])
    text = "\n\n".join([*sentences, url]) + "\n"
    try:
        send_mail(
            subject % title_of(publication),
            text,
            from_email=None,
            recipient_list=[publication.owner.email],
        )
    except OSError:  # includes the errors of smtplib
        logger.warning("The mail about a publication could not be sent.", exc_info=True)


def title_of(publication: Publication) -> str:
    return " ".join(publication.title.split())
