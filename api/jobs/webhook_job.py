"""Send the message of a claimed row; when it is not taken, again later, from 5 seconds to a day."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from api.models import WebhookDelivery
from api.services import webhooks
from api.services.webhook_post import post
from api.services.webhook_targets import BadTarget, read_target
from mixes.jobs.runner import Commit, JobKind, JobRun, Postponed
from mixes.leases import Leased, State
from mixes.services.limits import LimitReached
from youtube_integration.security.sealing import SealBroken

# after each try that failed; then the webhook is switched off
PAUSES_S = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
GONE = 410  # the receiver wants no more
KEPT = timedelta(days=30)


def handle(run: JobRun) -> Commit:
    """Send a message. Raises Postponed when it was not taken, LimitReached when it is given up."""
    delivery = WebhookDelivery.objects.select_related("endpoint", "owner").get(pk=run.job.pk)
    if not delivery.endpoint.is_on or not delivery.owner.is_active:
        raise LimitReached(_("The webhook is switched off."))
    status, problem = attempt(delivery)
    if status is not None and 200 <= status < 300:
        return partial(taken, delivery, status)
    tries = delivery.tries + 1
    WebhookDelivery.objects.held(run.job.pk, run.token).update(tries=tries, status=status)
    if status == GONE or tries > len(PAUSES_S):
        raise LimitReached(problem)
    pause = timedelta(seconds=PAUSES_S[tries - 1])
    raise Postponed(not_before=Now() + pause, message=problem[:200])


def attempt(delivery: WebhookDelivery) -> tuple[int | None, str]:
    """Send the message once; return the status of the answer and what is wrong with it, in a sentence."""
    try:
        secret = webhooks.secret_of(delivery.endpoint)
        headers = webhooks.headers_of(delivery, secret, int(timezone.now().timestamp()))
        status = post(read_target(delivery.endpoint.url), delivery.body.encode(), headers)
    except SealBroken:
        raise LimitReached(_("The secret of this webhook cannot be read. Make the webhook again.")) from None
    except BadTarget as error:
        return None, str(error)
    except OSError as error:
        return None, _("It could not be reached: %s") % (error.strerror or type(error).__name__)
    return status, _("It answered with %d instead of 200.") % status


def taken(delivery: WebhookDelivery, status: int) -> dict[str, Any]:
    """Return the columns of a message that was taken."""
    return {"status": status, "tries": delivery.tries + 1}


def on_failure(job: Leased, state: State, sentence: str) -> None:
    """Switch a webhook off whose message was given up, and mail its owner."""
    delivery = WebhookDelivery.objects.select_related("endpoint__owner").get(pk=job.pk)
    if state == State.FAILED and delivery.endpoint.is_on:
        webhooks.switch(delivery.endpoint, on=False, problem=sentence)
        transaction.on_commit(partial(mail_off, delivery, sentence), robust=True)


def mail_off(delivery: WebhookDelivery, problem: str) -> None:
    """Tell the owner that a webhook was switched off."""
    if not settings.HAS_MAIL:
        return
    endpoint = delivery.endpoint
    page = settings.SITE_URL + reverse("access:webhook", args=[endpoint.pk])
    sentence = _("Nothing is sent to %(url)s any more. %(problem)s Switch it on again here:")
    said = sentence % {"url": endpoint.url, "problem": problem}
    subject = _("A webhook was switched off")
    send_mail(subject, f"{said}\n\n{page}\n", from_email=None, recipient_list=[endpoint.owner.email])


def clean_up() -> None:
    """Delete messages that ended long ago."""
    WebhookDelivery.objects.filter(finished_at__lt=timezone.now() - KEPT).delete()


KIND = JobKind(WebhookDelivery, handle, on_failure, clean_up)
