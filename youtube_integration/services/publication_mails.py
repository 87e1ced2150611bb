"""Mails about publications: published, failed, or waiting for the owner."""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.translation import gettext as _

from youtube_integration.models import YouTubePublication

logger = logging.getLogger(__name__)


def mail_published(publication: YouTubePublication, notes: Sequence[str]) -> None:
    """Send a mail that YouTube has finished with a video, with the notes for its owner."""
    text = _("“%(title)s” is on YouTube:") % {"title": title_of(publication)}
    video = f"https://youtu.be/{publication.video_id}"
    send(publication, _("“%s” is on YouTube"), [f"{text} {video}", *notes])


def mail_failure(publication: YouTubePublication, sentence: str) -> None:
    send(publication, _("“%s” could not be published"), [sentence])


def mail_hold(pk: UUID, sentence: str) -> None:
    """Send a mail that a publication waits for its owner, if it still does."""
    phases = (YouTubePublication.Phase.NEEDS_RECONNECT, YouTubePublication.Phase.NEEDS_REVIEW)
    publication = YouTubePublication.objects.filter(pk=pk, phase__in=phases).first()
    if publication:
        send(publication, _("“%s” waits for you"), [sentence])


def send(publication: YouTubePublication, subject: str, sentences: Sequence[str]) -> None:
    """Send a mail; a failure is logged and ignored."""
    if not settings.HAS_MAIL:
        return
    url = settings.SITE_URL + reverse("youtube:publication", args=[publication.pk])
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


def title_of(publication: YouTubePublication) -> str:
    return " ".join(publication.title.split())
