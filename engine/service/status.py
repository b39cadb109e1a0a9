"""What the console tells of the process: health, readiness, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.console.checks import Check, StoreCheck
from engine.console.figures import Figures
from engine.service.deliveries import Deliveries
from engine.sources.ports import Ports


class Status:
    """Asked by the console's pages; says how it is now."""

    def __init__(
        self,
        store: StoreCheck,
        figures: Figures,
        ports: Ports,
        deliveries: Deliveries,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._figures = figures
        self._ports = ports
        self._deliveries = deliveries
        self._now = now
        self.draining = False

    async def health(self) -> Mapping[str, Check]:
        """Whether a restart would help: the store takes messages."""
        return {"store": await self._store.check()}

    async def ready(self) -> Mapping[str, Check]:
        """Whether senders may come: every port listens, every destination is served."""
        listening = self._ports.listening
        ports = ", ".join(f"{channel} on {where}" for channel, where in listening.items())
        says = "draining" if self.draining else ports or "no port is open"
        return {
            "ports": Check(bool(listening) and not self.draining, says),
            "destinations": self._destinations(),
            "store": await self._store.check(),
        }

    def _destinations(self) -> Check:
        missing = self._deliveries.missing
        if missing and not self.draining:
            return Check(False, f"not served: {', '.join(missing)}")
        return Check(True, ", ".join(self._deliveries.names))

    async def refresh(self) -> None:
        """Bring the gauges up to date."""
        await self._figures.refresh(self._now())
