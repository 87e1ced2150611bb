"""The look of a video besides picture and size: how the picture fills it, and where words stand."""

from dataclasses import asdict, dataclass
from typing import Any

PLACES = ("bottom-left", "bottom", "middle", "top-left", "top")  # without a side: centred
TITLES = (
    "drawn",
    "always",
    "never",
)  # on which pictures the title stands; "drawn": on those without a user's
TITLE_SCALES = {"small": 0.7, "normal": 1.0, "large": 1.35}  # of the usual font sizes
CARD_TIMES_S = (2.0, 600.0)


@dataclass(frozen=True, slots=True)
class VideoLook:
    """The look of a video. The defaults show the whole picture, and a title on drawn pictures only."""

    fill: bool = False  # the picture is cropped to fill the frame, around its focus
    focus_x: float = 0.5  # of the picture's width, 0 to 1
    focus_y: float = 0.5
    title: str = TITLES[0]
    title_place: str = PLACES[0]
    title_size: str = "normal"  # of TITLE_SCALES
    card_place: str = PLACES[0]
    card_artist: bool = True
    card_s: float | None = None  # how long a title card is shown; None: as long as its song

    def to_json(self) -> dict[str, Any]:
        """Return the values that differ from the defaults."""
        usual = asdict(VideoLook())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def title_scale(self) -> float:
        return TITLE_SCALES[self.title_size]
