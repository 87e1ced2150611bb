"""The owner of a token, and what is left of their limits."""

from datetime import datetime
from typing import Literal

from ninja import Field

from api.shapes.common import Answer


class Me(Answer):
    """Who the token acts for."""

    email: str
    name: str
    scopes: list[Literal["read", "write", "publish"]]
    expires_at: datetime | None
    storage_used: int = Field(description="bytes")
    storage_limit: int = Field(description="bytes")
    file_limit: int = Field(description="bytes of one file")
    tracks_per_mix: int
