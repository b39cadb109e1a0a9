"""A FHIR server in memory and the senders to it."""

from engine.config import Bearer, FhirDestination, Secret, Server
from engine.delivery import Sender, Senders
from tests.destinations.memory_server import MemoryServer


class Clinic:
    """A server, and engines that deliver to it."""

    def __init__(self) -> None:
        self.server = MemoryServer()
        self.base = self.server.open()
        self._senders: list[Senders] = []

    def senders(self, *, timeout: float = 5.0, concurrency: int = 8, base: str = "") -> Senders:
        """The destinations of one engine, which knows nothing yet."""
        settings = Server(
            "clinic",
            base or self.base,
            auth=Bearer(Secret("let-me-in")),
            timeout=timeout,
            concurrency=concurrency,
            headers={"X-Test": "yes"},
        )
        made = Senders({"clinic": settings})
        self._senders.append(made)
        return made

    def sender(self, write: str = "upsert", **settings: object) -> Sender:
        """One destination."""
        destination = FhirDestination("clinic", "clinic", write)
        return self.senders(**settings).sender(destination)  # type: ignore[arg-type]

    async def close(self) -> None:
        """End all."""
        for senders in self._senders:
            await senders.close()
        await self.server.close()
