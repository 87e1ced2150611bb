"""Sealed columns under another key: all that the models of this app keep in a column named `sealed_…`."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.db import models, transaction

from youtube_integration.security import token_keys

SEALED_PREFIX = "sealed_"


@dataclass(frozen=True, slots=True)
class ResealCount:
    """How many values lie under the newest key now, and how many no key opens."""

    sealed: int
    lost: int


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_app_config("youtube_integration").get_models():
        for field in model._meta.concrete_fields:
            if field.name.startswith(SEALED_PREFIX):
                yield model, field.name


def reseal_all() -> ResealCount:
    """Seal every value with the newest key. Doing it again does no harm. Raises ImproperlyConfigured."""
    done = lost = 0
    for model, column in sealed_columns():
        for pk in sealed_rows(model, column):
            if reseal(model, column, pk):
                done += 1
            else:
                lost += 1
    return ResealCount(done, lost)


def sealed_rows(model: type[models.Model], column: str) -> list[object]:
    return list(model._base_manager.exclude(**{column: ""}).values_list("pk", flat=True))


def reseal(model: type[models.Model], column: str, pk: object) -> bool:
    """Seal one value anew, which nobody else changes meanwhile; tell whether a key opens it."""
    with transaction.atomic():
        locked = model._base_manager.select_for_update().filter(pk=pk)
        value = locked.values_list(column, flat=True).first()
        if not value:  # its row, or what it held, is gone
            return True
        try:
            fresh = token_keys.cipher().rotate(value.encode())
        except InvalidToken:
            return False
        model._base_manager.filter(pk=pk).update(**{column: fresh.decode()})
        return True


def not_under_newest_key() -> int:
    """Count the values that the newest key alone does not open. Raises ImproperlyConfigured."""
    return sum(
        not can_open(token_keys.newest_cipher(), value)
        for model, column in sealed_columns()
        for value in model._base_manager.exclude(**{column: ""}).values_list(column, flat=True).iterator()
    )


def can_open(cipher: Fernet | MultiFernet, value: str) -> bool:
    try:
        cipher.decrypt(value.encode())
    except InvalidToken:
        return False
    return True
