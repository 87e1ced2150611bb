"""Tracks to one timeline: planned, and the laws by which their sounds are joined, ridden and limited."""
