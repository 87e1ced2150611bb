"""Views: check access, call one service, render."""
