"""Build everything from a configuration, start it, reload it, drain it."""

from engine.service.service import Service

__all__ = ["Service"]
