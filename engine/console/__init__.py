"""What is seen from outside over HTTP: metrics, health, readiness."""
