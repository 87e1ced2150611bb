"""Test signals with known properties, and files decoded by plain ffmpeg.

Every sound is float32 of shape (frames, 2), full scale at 1.0, and the same on every run.
"""

import subprocess
from pathlib import Path

import numpy as np
import scipy.io.wavfile
from numpy.typing import NDArray

from mixes.engine.processes.ffmpeg import find_ffmpeg

Samples = NDArray[np.float32]

RATE = 44_100  # Hz, the default of every signal


def sine(frequency_hz: float, seconds: float, rate: int = RATE, *, level_db: float = -12.0) -> Samples:
    """Return a sine on both channels with its peak at `level_db` dBFS; it starts at phase 0."""
    phase = 2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate
    return _on_both_sides(np.sin(phase) * 10 ** (level_db / 20))


def pink_noise(seconds: float, rate: int = RATE, *, level_db: float = -20.0, seed: int = 0) -> Samples:
    """Return pink noise above 20 Hz with its RMS at `level_db` dBFS and independent channels."""
    frames = round(seconds * rate)
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal((frames, 2)), axis=0)
    frequency = np.fft.rfftfreq(frames, 1 / rate)
    shaped = np.fft.irfft(white / np.sqrt(np.maximum(frequency, 20.0))[:, None], frames, axis=0)
    return (shaped / np.sqrt(np.mean(shaped**2)) * 10 ** (level_db / 20)).astype(np.float32)


def click_train(per_minute: float, seconds: float, rate: int = RATE, *, level_db: float = -6.0) -> Samples:
    """Return one-sample clicks: the first at frame 0, then `per_minute` a minute, at the nearest frames."""
    track = np.zeros(round(seconds * rate))
    at = np.round(np.arange(0, seconds, 60 / per_minute) * rate).astype(int)
    track[at[at < len(track)]] = 10 ** (level_db / 20)
    return _on_both_sides(track)


def silence(seconds: float, rate: int = RATE) -> Samples:
    """Return digital silence."""
    return np.zeros((round(seconds * rate), 2), dtype=np.float32)


def fade(samples: Samples, from_db: float, to_db: float) -> Samples:
    """Return the sound with its gain changing linearly in dB from `from_db` to `to_db`."""
    gains = 10 ** (np.linspace(from_db, to_db, len(samples)) / 20)
    return (samples * gains[:, None]).astype(np.float32)


def write_wav(path: Path, samples: NDArray[np.generic], rate: int = RATE) -> Path:
    """Write a WAV in the array's data type (float32, int16, int32, uint8) and channels; return the path."""
    scipy.io.wavfile.write(path, rate, samples)
    return path


def write_audio(path: Path, samples: Samples, rate: int = RATE, *options: str) -> Path:
    """Write a file in the format of its suffix, by plain ffmpeg with extra `options`; return the path."""
    source = ("-f", "f32le", "-ar", str(rate), "-ac", "2", "-i", "pipe:0")
    run_ffmpeg(*source, *options, str(path), stdin=np.ascontiguousarray(samples, dtype="<f4").tobytes())
    return path


def decode_file(path: Path, rate: int = RATE, *, channels: int = 2) -> Samples:
    """Decode a file by plain ffmpeg, without the engine: float32 of shape (frames, channels)."""
    form = ("-ac", str(channels), "-ar", str(rate), "-f", "f32le")
    raw = run_ffmpeg("-i", str(path), "-map", "0:a:0", *form, "-")
    return np.frombuffer(raw, dtype="<f4").reshape(-1, channels)


def run_ffmpeg(*arguments: str, stdin: bytes = b"") -> bytes:
    """Run the engine's ffmpeg without a sandbox; return its stdout, or fail the test with its stderr."""
    command = [str(find_ffmpeg()), "-hide_banner", "-nostats", "-v", "error", "-y", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


def rms_db(samples: Samples) -> float:
    """Return the RMS level in dBFS; -inf for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10 * np.log10(power) if power else -np.inf


def lag(decoded: Samples, original: Samples, *, at: int = 0, frames: int = 32_768) -> int:
    """Return the delay of `decoded` against `original` in frames, by correlation around frame `at`.

    The sound must be noise or music: a sine correlates at every period.
    """
    mono, other = (x[at : at + frames].mean(axis=1, dtype=np.float64) for x in (decoded, original))
    size = 2 * frames
    correlation = np.fft.irfft(np.fft.rfft(mono, size) * np.conj(np.fft.rfft(other, size)), size)
    best = int(np.argmax(correlation))
    return best if best < frames else best - size


def _on_both_sides(track: NDArray[np.float64]) -> Samples:
    return np.repeat(track[:, None], 2, axis=1).astype(np.float32)
