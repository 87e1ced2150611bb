"""Fetch publications by id for their owner, or raise 404."""

import uuid

from django.db.models import QuerySet
from django.http import Http404

from accounts.models import User
from youtube_integration.models import YouTubePublication


def publications_of(user: User) -> QuerySet[YouTubePublication]:
    return YouTubePublication.objects.filter(owner=user)


def get_publication(user: User, pk: uuid.UUID) -> YouTubePublication:
    publications = publications_of(user).select_related("job", "mix", "credential")
    long = ("job__snapshot", "job__outline", "job__check_sheet", "mix__plan", "mix__description_template")
    row = publications.defer(*long).filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such publication, or it is not yours.")
    return row
