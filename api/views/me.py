"""The owner of the token."""

from django.conf import settings
from ninja import Router

from api.authentication import ApiRequest
from api.shapes.me import Me
from mixes.services.limits import storage_used

router = Router(tags=["me"])


@router.get("/me", response=Me)
def me(request: ApiRequest) -> Me:
    """Return who the token acts for, what it may do, and the room that is left."""
    return Me(
        email=request.user.email,
        name=request.user.get_full_name(),
        scopes=request.token.scopes,
        expires_at=request.token.expires_at,
        storage_used=storage_used(request.user),
        storage_limit=settings.LIMITS.storage_bytes,
        file_limit=settings.LIMITS.file_bytes,
        tracks_per_mix=settings.LIMITS.tracks_per_mix,
    )
