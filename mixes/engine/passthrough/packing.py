"""Pack frames into an MP3 of constant bit rate, their main data as early as the format allows.

In: `Frames` of any streams, in order. Out: complete frames. What fitted in its own stream fits here as long
as slots are not smaller and there is as much room before the first: `push` takes as many as fit.
"""

from collections.abc import Iterator

import numpy as np

from mixes.engine.passthrough.frames import (
    BITRATES_KBPS,
    HEADER_BYTES,
    RATES_HZ,
    SIDE_BYTES,
    Frames,
    Numbers,
)

FARTHEST_BACK = 511  # bytes of slots that main data may begin before its own
SYNC = (255, 0xFB)  # MPEG-1 Layer III without a CRC
JOINT_STEREO = 0x40  # ffmpeg takes other mode bits for another stream


class Packer:
    """Takes frames, gives out their new form as soon as no later frame can put data into them."""

    def __init__(self, rate: int, bitrate_kbps: int) -> None:
        self.count = 0  # frames taken
        self._rates = BITRATES_KBPS.index(bitrate_kbps) << 4 | RATES_HZ.index(rate) << 2
        self._unpadded = 144_000 * bitrate_kbps // rate - HEADER_BYTES - SIDE_BYTES
        self._used = self._slot = (
            0  # where free room begins among the slots; where the next frame's slot does
        )
        self._heads: list[bytes] = []  # of frames that are not given out yet
        self._ends: list[int] = []  # where their slots end
        self._main = bytearray()
        self._main_at = 0

    @property
    def slot_bytes(self) -> int:
        """The bytes of an unpadded frame's slot."""
        return self._unpadded

    def fitting(self, frames: Frames) -> int:
        """Return how many of these frames would be taken."""
        return len(self._lay_out(frames)[0])

    def push(self, frames: Frames) -> int:
        """Take frames; return how many of them, from the first on, had room."""
        places, slots = self._lay_out(frames)
        if not (count := len(places)):
            return 0
        taken = frames[:count]
        ends = slots[1 : count + 1]
        self._add_heads(taken, slots[:count] - places)
        self._ends += ends.tolist()
        self._main.extend(bytes(int(ends[-1]) - self._main_at - len(self._main)))
        self._place_main(taken, places)
        self._used, self._slot = int(places[-1] + taken.size[-1]), int(ends[-1])
        self.count += count
        return count

    def take(self, *, everything: bool = False) -> Iterator[bytes]:
        """Yield frames that are complete; `everything` after the last push."""
        limit = self._slot if everything else self._slot - FARTHEST_BACK
        done = sum(end <= limit for end in self._ends)
        at, main = 0, bytes(self._main)
        for head, end in zip(self._heads[:done], self._ends[:done], strict=True):
            yield head + main[at : end - self._main_at]
            at = end - self._main_at
        del self._heads[:done], self._ends[:done], self._main[:at]
        self._main_at += at

    def _lay_out(self, frames: Frames) -> tuple[Numbers, Numbers]:
        """Return the places of main data, as far as they fit, and the bounds of all slots."""
        slots = self._slot + np.concatenate(([0], np.cumsum(self._unpadded + frames.padding)))
        before = np.cumsum(frames.size) - frames.size
        earliest = np.maximum(slots[:-1] - FARTHEST_BACK - before, self._used)
        places: Numbers = np.maximum.accumulate(earliest) + before
        too_far = np.flatnonzero(places + frames.size > slots[1:])
        return places[: too_far[0] if len(too_far) else None], slots

    def _add_heads(self, frames: Frames, back: Numbers) -> None:
        heads = np.zeros((len(frames), HEADER_BYTES + SIDE_BYTES), np.uint8)
        heads[:, HEADER_BYTES:] = frames.side
        heads[:, 0], heads[:, 1] = SYNC
        heads[:, 2] = self._rates | frames.padding << 1
        heads[:, 3] = JOINT_STEREO | frames.stereo << 4
        heads[:, 4] = back >> 1
        heads[:, 5] |= ((back & 1) << 7).astype(np.uint8)
        self._heads += map(bytes, heads)

    def _place_main(self, frames: Frames, places: Numbers) -> None:
        """Copy main data; frames whose data follow each other in both streams go together."""
        begin, size = frames.begin - frames.main_at, frames.size
        apart = np.flatnonzero((np.diff(begin) != size[:-1]) | (np.diff(places) != size[:-1])) + 1
        firsts = np.concatenate(([0], apart))
        lasts = np.concatenate((apart, [len(frames)])) - 1
        runs = np.stack((places[firsts] - self._main_at, begin[firsts], begin[lasts] + size[lasts]), 1)
        for to, start, stop in runs.tolist():
            self._main[to : to + stop - start] = frames.main[start:stop]
