"""The array type of audio inside the engine."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # shape (frames, 2), full scale at 1.0
FRAME_BYTES = 8  # two float32
