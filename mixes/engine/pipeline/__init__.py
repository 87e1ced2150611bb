"""A request to finished files, stage by stage."""
