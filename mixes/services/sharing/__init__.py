"""What leaves the site by an unguessable address: the podcast feed of a show."""
