"""Turn a request into finished files, stage by stage."""
