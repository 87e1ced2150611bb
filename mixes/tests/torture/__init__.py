"""Stress tests of jobs and inputs: `make torture` runs all, `make test` a part without live sites."""
