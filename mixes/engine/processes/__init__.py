"""Other programs: started in a sandbox, watched, and held to what they report."""
