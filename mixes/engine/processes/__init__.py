"""Run other programs in a sandbox, with limits, a watchdog and a check of their reports."""
