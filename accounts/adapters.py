"""django-allauth adapters: who may sign up, and when a Google sign-in may open an existing account."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.devices import known_device, remember_device
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP_OPEN

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail with this site's own name and links, whatever host the request names."""
        links = {name: own_link(value) for name, value in context.items() if name.endswith("_url")}
        site = SimpleNamespace(domain=settings.SITE.host, name=settings.SITE.host)
        super().send_mail(template_prefix, email, {**context, **links, "current_site": site})

    def format_email_subject(self, subject: str) -> str:
        """Name the site's own host in front of the subject."""
        return f"[{settings.SITE.host}] {subject}"

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, *args: Any, **options: Any
    ) -> HttpResponse:
        """Answer a sign-in, and remember the browser."""
        response = super().post_login(request, user, *args, **options)
        remember_device(response, user)
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count wrong passwords by address, and separately in each browser that its owner has used."""
        email = str(credentials.get("email", "")).lower()
        return f"{known_device(request, email)}:{email}"


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return settings.SIGNUP_OPEN

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """Return a provider's configuration. Raises Http404 when it has none: its pages then do not exist."""
        try:
            app: SocialApp = super().get_app(request, provider, client_id)
            return app
        except SocialApp.DoesNotExist:
            raise Http404(f"There is no sign-in by {provider} here.") from None

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Return whether a Google sign-in may open the account that has its verified address.

        The address must be verified on both sides. Anyone can sign up with another person's address. Opening
        such an account to the address's owner would show them another user's songs, and put their own songs
        into an account that an attacker prepared.
        """
        proved = EmailAddress.objects.filter(email__iexact=email, verified=True)
        return proved.exists() and super().can_authenticate_by_email(login, email)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse a new user whose address is unverified at Google or already taken here."""
        if sociallogin.is_existing or sociallogin.state.get("process") == AuthProcess.CONNECT:
            return
        addresses = sociallogin.email_addresses
        unproved = not any(address.verified for address in addresses)
        if unproved or any(is_taken(address.email) for address in addresses):
            context = {"email": addresses[0].email if addresses else "", "unproved": unproved}
            page = render(request, "socialaccount/address_refused.html", context, status=403)
            raise ImmediateHttpResponse(page)


def own_link(url: str) -> str:
    """Return the link of a mail with this site's address."""
    parts = urlsplit(url)
    return settings.SITE_URL + urlunsplit(("", "", parts.path, parts.query, ""))


def is_taken(email: str) -> bool:
    """Return whether an account here has the address, verified or not."""
    return (
        User.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email).exists()
    )
