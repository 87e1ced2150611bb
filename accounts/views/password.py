"""The way back in for those who forgot their password."""

from allauth.account.views import password_reset
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def reset_password(request: HttpRequest) -> HttpResponse:
    """Hand over to django-allauth; where no mail can be sent, say who can help."""
    if settings.HAS_MAIL:
        return password_reset(request)
    return render(request, "accounts/no_mail.html", status=404)
