"""Model fields for data that the database must not be able to read, and the index for parts of names."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Value
from django.utils.translation import gettext_lazy as _

from qunli.kernel import ciphers

DIRECTIONS = "\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069"
"""Characters that turn the direction of what follows, or break a line unseen: they make a page say what nobody wrote."""
LINE = RegexValidator(
    rf"[\x00-\x1f\x7f-\x9f{DIRECTIONS}]", _("不能含有换行和控制字符，请重新输入。"), "control", inverse_match=True
)
"""For names and titles: one line of visible letters."""
LINES = RegexValidator(
    rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{DIRECTIONS}]", _("不能含有控制字符，请重新输入。"), "control", inverse_match=True
)
"""For longer texts."""


class EncryptedField(models.BinaryField):  # type: ignore[type-arg]
    """Text that is stored encrypted (SM4-GCM) and read back as str. It cannot be searched: keep a `DigestField` beside it."""

    description = "encrypted text"

    def from_db_value(self, value: bytes | None, expression: object, connection: object) -> str | None:
        return None if value is None else ciphers.decrypt(bytes(value))

    def to_python(self, value: Any) -> Any:
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None or isinstance(value, bytes | memoryview):
            return value
        return ciphers.encrypt(str(value))


class DigestField(models.BinaryField):  # type: ignore[type-arg]
    """Blind index (SM3-HMAC, 32 bytes) of an encrypted neighbour: finds the exact value, reveals nothing else."""

    description = "blind index"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 32)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)


class Characters(Func):
    """The characters of a text column as an array (`string_to_array(name, NULL)`): a GIN index over it finds any part of a name."""

    function = "string_to_array"
    arity = 2
    output_field = ArrayField(models.TextField())

    def __init__(self, name: str) -> None:
        super().__init__(F(name), Value(None))
