"""The user model: sign-in by e-mail address, no user name."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower


class EmailUserManager(BaseUserManager["User"]):
    """Create and find users by e-mail address, case-insensitively."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create a user; `extra` may give admin rights. Raises ValueError without an address."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_vouched_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create a user whose address counts as verified: an operator entered it."""
        user = self.create_user(email, password, **extra)
        user.emailaddress_set.create(email=user.email.lower(), verified=True, primary=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create an operator."""
        return self.create_vouched_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractUser):
    username = None  # type: ignore[assignment]  # how Django removes a field of a base class
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[EmailUserManager] = EmailUserManager()  # type: ignore[assignment]  # in place of UserManager

    class Meta(AbstractUser.Meta):
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                name="accounts_user_email_unique_in_any_case",
                violation_error_message="There is already an account with this e-mail address.",
            ),
        )


class OperatorLink(models.Model):
    """The sign-up link of the first operator; only its digest is stored, and only one link is valid."""

    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"operator's link of {self.created_at:%Y-%m-%d %H:%M}"
