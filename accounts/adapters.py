"""What django-allauth asks of us: who may sign up, and whose account an address from Google opens."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
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
        """Return how a provider is set up. Raises Http404 where it is not: its pages are not there then."""
        try:
            return super().get_app(request, provider, client_id)
        except SocialApp.DoesNotExist:
            raise Http404(f"There is no sign-in by {provider} here.") from None

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Let an address that Google vouches for open the account of who has proved to own it here, too.

        Anybody can sign up with somebody else's address. To open such an account to the address's owner would
        show them a stranger's songs, and put their own into an account that the stranger has prepared.
        """
        proved = EmailAddress.objects.filter(email__iexact=email, verified=True)
        return proved.exists() and super().can_authenticate_by_email(login, email)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Stop who is new here, where nobody vouches for the address or somebody has it already."""
        if sociallogin.is_existing or sociallogin.state.get("process") == AuthProcess.CONNECT:
            return
        addresses = sociallogin.email_addresses
        unproved = not any(address.verified for address in addresses)
        if unproved or any(is_taken(address.email) for address in addresses):
            context = {"email": addresses[0].email if addresses else "", "unproved": unproved}
            page = render(request, "socialaccount/address_refused.html", context, status=403)
            raise ImmediateHttpResponse(page)


def is_taken(email: str) -> bool:
    """Tell whether an account here has the address, proved or not."""
    return (
        User.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email).exists()
    )
