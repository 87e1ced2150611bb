"""What leaves the site by an unguessable address: the podcast feed of a show, and a result to listen to."""
