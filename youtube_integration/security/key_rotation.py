"""Re-encrypt all sealed columns (`sealed_…`) of all models with the newest key."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.db import models, transaction

from youtube_integration.security import token_keys

SEALED_PREFIX = "sealed_"


@dataclass(frozen=True, slots=True)
class ResealCount:
    """Numbers of values encrypted with the newest key, and of values that no key opens."""

    sealed: int
    lost: int


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.name.startswith(SEALED_PREFIX):
                yield model, field.name


def reseal_all() -> ResealCount:
    """Encrypt every value with the newest key; safe to repeat. Raises ImproperlyConfigured without a key."""
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
    """Re-encrypt one value unless it changes in between; return whether a key opens it."""
    with transaction.atomic():
        locked = model._base_manager.select_for_update().filter(pk=pk)
        value = locked.values_list(column, flat=True).first()
        if not value:  # the row or its value was deleted
            return True
        try:
            fresh = token_keys.cipher().rotate(value.encode())
        except InvalidToken:
            return False
        model._base_manager.filter(pk=pk).update(**{column: fresh.decode()})
        return True


def not_under_newest_key() -> int:
    """Count the values that the newest key does not open. Raises ImproperlyConfigured without a key."""
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
