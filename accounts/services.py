"""Create, invite and delete accounts."""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.urls import reverse

from accounts.models import OperatorLink, User
from mixes.services.maintenance import account_data
from mixtape_site.configuration.keys import read_or_make_key

DEMO_EMAIL = "demo@mixtape.local"
DEMO_KEY_BYTES = 12  # 16 characters in base64, typed from a terminal
LINK_BYTES = 24


class LinkUsed(Exception):
    """The operator's link was used already, or a newer one was created."""


class LastOperator(Exception):
    """The only operator's account cannot be deleted."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    email: str
    password: str


def ensure_demo_account() -> DemoAccount:
    """Create or reopen the demo account, with the password stored in the keys folder."""
    password = read_or_make_key(
        Path(settings.DATA_DIR) / "keys" / "demo_password", key_bytes=DEMO_KEY_BYTES
    ).strip()
    user = User.objects.filter(email=DEMO_EMAIL).first()
    if user is None:
        User.objects.create_vouched_user(DEMO_EMAIL, password)
    elif not (user.is_active and user.check_password(password)):
        user.is_active = True
        user.set_password(password)
        user.save(update_fields=("is_active", "password"))
    return DemoAccount(DEMO_EMAIL, password)


def close_demo_account() -> bool:
    """Disable the demo account and return whether it was enabled. Its data stay."""
    return bool(User.objects.filter(email=DEMO_EMAIL, is_active=True).update(is_active=False))


def has_operator() -> bool:
    return User.objects.filter(is_staff=True, is_active=True).exists()


def make_operator_link() -> str:
    """Return a new link for the first operator; earlier links become invalid."""
    token = secrets.token_urlsafe(LINK_BYTES)
    with transaction.atomic():
        OperatorLink.objects.all().delete()
        OperatorLink.objects.create(digest=hash_of(token))
    return settings.SITE_URL + reverse("accounts:first", args=[token])


def is_operator_link(token: str) -> bool:
    """Return whether `token` can still create the first operator."""
    return OperatorLink.objects.filter(digest=hash_of(token)).exists() and not has_operator()


@transaction.atomic
def create_first_operator(token: str, email: str, password: str) -> User:
    """Create the operator and invalidate the link. Raises LinkUsed when it is no longer valid."""
    used, _ = OperatorLink.objects.filter(digest=hash_of(token)).delete()
    if not used or has_operator():
        raise LinkUsed
    return User.objects.create_superuser(email, password)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def note_address() -> None:
    """Keep the site's address for commands that run with other settings than the site."""
    address_file().write_text(settings.SITE_URL)


def running_address() -> str:
    """Return the address with which the site was started last, "" before its first start."""
    file = address_file()
    return file.read_text().strip() if file.is_file() else ""


def address_file() -> Path:
    return Path(settings.DATA_DIR) / "address"


def invite(email: str, *, as_operator: bool = False) -> str:
    """Return a link to choose a password for `email`; creates the account if there is none."""
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_vouched_user(email)
    if as_operator and not user.is_superuser:
        user.is_staff = user.is_superuser = True
        user.save(update_fields=("is_staff", "is_superuser"))
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uidb36, _, token = key.partition("-")
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uidb36, "key": token})
    return (running_address() or settings.SITE_URL) + path


@transaction.atomic
def change_address(user: User, email: str) -> None:
    """Change a user's sign-in address without a confirmation mail."""
    user.email = User.objects.normalize_email(email)
    user.save(update_fields=("email",))
    user.emailaddress_set.all().delete()
    user.emailaddress_set.create(email=user.email.lower(), verified=False, primary=True)


def delete_account(user: User) -> None:
    """Delete a user with all their data. Raises LastOperator for the only operator."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise LastOperator
    keys = list(user.usersession_set.values_list("session_key", flat=True))
    with account_data.erasing(user):
        Session.objects.filter(session_key__in=keys).delete()
        user.delete()
