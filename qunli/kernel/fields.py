"""Model fields for data that the database must not be able to read, and the index for parts of names."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Value

from qunli.kernel import ciphers


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
