"""What jobs and inputs must survive: `make torture` runs it all, `make test` a part without live sites."""
