"""The queue side: jobs and what runs them."""
