"""The JSON of the API: what it answers and accepts, as types from which its description is made."""
