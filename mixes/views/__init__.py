"""Pages: check who asks, call one service, render."""
