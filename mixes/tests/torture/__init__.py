"""What jobs and inputs must survive: all of it in `make torture`, in `make test` a part, without live sites."""
