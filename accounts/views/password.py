"""View for a forgotten password."""

from allauth.account.views import password_reset
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render


def reset_password(request: HttpRequest) -> HttpResponseBase:
    """Let django-allauth send the mail; on a site without mail, say who can help."""
    if settings.HAS_MAIL:
        return password_reset(request)
    return render(request, "accounts/no_mail.html", status=404)
