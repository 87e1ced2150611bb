"""Forms for tracks, mixes, joins and the look of a mix."""
