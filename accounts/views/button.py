"""View that receives the signed token of Google's sign-in button."""

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.google.views import login_by_token
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

GOOGLE_ALGORITHM = "RS256"


@csrf_exempt  # posted from Google's page; django-allauth checks Google's own CSRF cookie
def sign_in_by_token(request: HttpRequest) -> HttpResponseBase:
    """Call django-allauth's view, and reject tokens with another signature algorithm, on which it crashes."""
    provider = get_adapter().get_provider(request, "google")
    try:
        head = jwt.get_unverified_header(request.POST.get("credential", ""))
    except jwt.PyJWTError:
        head = {}
    if request.method == "POST" and head.get("alg") != GOOGLE_ALGORITHM:
        refusal: HttpResponseBase = render_authentication_error(request, provider)
        return refusal
    return login_by_token(request)
