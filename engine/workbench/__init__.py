"""What the integration engineer works with: profile, replay, ledger."""
