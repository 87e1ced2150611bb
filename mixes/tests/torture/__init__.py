"""What jobs and inputs must survive; `make torture` runs all of it, `make test` a part, of live sites none."""
