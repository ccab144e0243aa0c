"""Errors that a person can act on: what happened, where, and what to do."""

from django.core.exceptions import PermissionDenied, ValidationError


class Refused(Exception):
    """A rule of the domain says no. `code` is stable for programs; `message` is for people; `field` when one input is the cause."""

    def __init__(self, message: object, *, code: str, field: str | None = None, **facts: object) -> None:
        super().__init__(str(message))
        self.message = message
        self.code = code
        self.field = field
        self.facts = facts


class Denied(PermissionDenied):
    """The actor lacks a permission: names the permission, so that the page can say which role would have it."""

    def __init__(self, permission: str, message: object = "") -> None:
        super().__init__(str(message) or permission)
        self.permission = permission
        self.message = message


__all__ = ["Denied", "Refused", "ValidationError"]
