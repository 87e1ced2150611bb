"""The user: signs in with an e-mail address, has no user name."""

from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower


class EmailUserManager(BaseUserManager):
    """Makes users from an e-mail address and finds them by it, in any case of letters."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Make somebody; without rights in the admin unless `extra` gives them. Raises ValueError."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_vouched_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Make somebody whose address the operator vouches for: no message is sent to confirm it."""
        user = self.create_user(email, password, **extra)
        user.emailaddress_set.create(email=user.email.lower(), verified=True, primary=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Make an operator."""
        return self.create_vouched_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractUser):
    username = None
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ()

    objects = EmailUserManager()

    class Meta(AbstractUser.Meta):
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email_unique_in_any_case",
                violation_error_message="There is already an account with this e-mail address.",
            ),
        )


class OperatorLink(models.Model):
    """The link by which the first operator comes in; only its digest is kept, and one link at a time."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"operator's link of {self.created_at:%Y-%m-%d %H:%M}"
