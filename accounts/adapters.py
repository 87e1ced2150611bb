"""django-allauth adapters: who may sign up, and when a Google sign-in may open an existing account."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.http import Http404, HttpRequest
from django.shortcuts import render

from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.SIGNUP_OPEN


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


def is_taken(email: str) -> bool:
    """Return whether an account here has the address, verified or not."""
    return (
        User.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email).exists()
    )
