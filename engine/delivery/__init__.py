"""Deliveries on their way: claimed, mapped, sent, settled."""

from engine.delivery.loop import DeliveryLoop
from engine.delivery.record import DeliveryRecord
from engine.delivery.senders import Sender, Senders

__all__ = ["DeliveryLoop", "DeliveryRecord", "Sender", "Senders"]
