"""What is measured, how, and beside what. ``python -m benchmarks`` runs all of it."""
