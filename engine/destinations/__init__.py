"""Where resources go to."""
