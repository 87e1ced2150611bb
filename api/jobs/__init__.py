"""What the worker of webhooks does with a claimed row."""
