"""What the API reads and writes beside the mixes: tokens, stored answers, places of waiting requests."""
