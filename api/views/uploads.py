"""Resumable uploads (tus 1.0) for programs: those of the site, with a token."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from api.authentication import Bearer
from api.problems import Problem, to_response
from mixes.views.uploads import upload as upload_part
from mixes.views.uploads import upload_create as announce

View = Callable[..., HttpResponse]


def with_token(view: View) -> View:
    """Let the owner of a token in; a cookie counts for nothing, so the form of another site does neither."""

    @csrf_exempt
    @wraps(view)
    def signed_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.user = AnonymousUser()  # whom the view refuses
        try:
            Bearer("write")(request)
        except Problem as problem:
            return to_response(request, problem)
        return view(request, *args, **kwargs)

    return signed_in


upload_create = with_token(announce)
upload = with_token(upload_part)
