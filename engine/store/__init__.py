"""What is kept: messages, deliveries and their states, on disk."""
