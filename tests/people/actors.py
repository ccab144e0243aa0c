"""An actor for tests of people's rules: holds what it is told, over the ranges it is told."""

from dataclasses import dataclass, field

from qunli.kernel.actor import covers


@dataclass(frozen=True)
class Holder:
    person_id: int | None = None
    account_id: int | None = None
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)
    label: str = "test"

    def has(self, permission: str, path: str | None = None, unit: str | None = None) -> bool:
        ranges = self.held.get(permission, ())
        return bool(ranges) if path is None else covers(ranges, path)

    def ranges(self, permission: str) -> tuple[str, ...]:
        return self.held.get(permission, ())

    def units(self, permission: str) -> frozenset[str]:
        return frozenset()
