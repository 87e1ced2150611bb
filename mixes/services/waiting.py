"""What a job may have to wait for: something that is on its way and is no failure."""


class NotReadyYet(Exception):
    """Something that a job needs is not ready; str() is the sentence for its owner, with what it is."""
