"""What mapping makes of a message, by the configuration that is in force; here or elsewhere."""
