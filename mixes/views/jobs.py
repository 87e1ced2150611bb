"""Making a mix: the Make button, and the page of a job from the queue to its result."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from accounts.requests import UserRequest
from mixes import access
from mixes.forms.shares import ShareForm
from mixes.models import MixJob
from mixes.pages import job_lists, job_page
from mixes.services.limits import LimitReached
from mixes.services.rendering import mix_requests
from mixes.views.fragments import go_to


@login_required
@require_POST
def mix_make(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    mix = access.get_mix(request.user, mix_pk)
    try:
        missed = mix_requests.accepted_missing(request.POST.get("without", ""))
        job = mix_requests.request_mix(mix, mail="mail" in request.POST, accepted_missing=missed)
    except LimitReached as error:
        messages.error(request, str(error))
        return go_to(request, "mixes:mix_detail", mix.pk)
    return go_to(request, "mixes:job_detail", job.pk)


@login_required
@require_safe
@never_cache
def job_detail(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    page = job_page.job_page(job)
    context = {
        "job": job,
        "sheet": page,
        "share_form": ShareForm(initial={"may_download": bool(page.share and page.share.may_download)}),
        "standing": page.status,
        "also_open": [job_page.JobStatus(other) for other in job_lists.also_open(job)],
        "earlier": job_lists.earlier_results(job),
    }
    return render(request, "mixes/job_detail.html", context)


@login_required
@require_safe
@never_cache
def job_status(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    """Answer a poll with the job's progress, or with its page when it has ended."""
    job = access.get_job_state(request.user, job_pk)
    if not request.htmx:
        return redirect("mixes:job_detail", job.pk)
    if not job.is_open:
        return trigger_client_event(HttpResponseClientRefresh(), "job-ended", ended_words(job))
    return render(request, "mixes/_job_status.html", {"job": job, "standing": job_page.JobStatus(job)})


@login_required
@require_POST
def job_cancel(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    if not mix_requests.cancel(job):
        messages.info(request, _("It had already ended."))
    return go_to(request, "mixes:job_detail", job.pk)


@login_required
@require_POST
def job_retry(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    try:
        mix_requests.retry(job)
    except LimitReached as error:
        messages.error(request, str(error))
    return go_to(request, "mixes:job_detail", job.pk)


@login_required
@require_POST
def job_delete(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    try:
        mix_requests.delete_job(job)
    except LimitReached as error:
        messages.error(request, str(error))
        return go_to(request, "mixes:job_detail", job.pk)
    messages.success(request, _("The result was deleted. Your songs and the mix are still here."))
    return go_to(request, "mixes:mix_detail", job.mix_id)


@login_required
@require_POST
def job_mail(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    MixJob.objects.filter(pk=job.pk).update(mail_when_done="mail" in request.POST)
    return go_to(request, "mixes:job_detail", job.pk)


@login_required
@require_safe
def job_timeline(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    job = access.get_job(request.user, job_pk)
    return JsonResponse(job_page.timeline_data(job), json_dumps_params={"ensure_ascii": False, "indent": 1})


def ended_words(job: MixJob) -> dict[str, str]:
    """Return the text of the browser notification."""
    return {"title": f"{job_page.OPENERS[job.state]}: {job.title}", "text": job.error_text}
