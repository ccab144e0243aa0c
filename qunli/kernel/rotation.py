"""A new key takes over: everything that is encrypted under an older one is written again under the first of QUNLI_CIPHER_KEYS.

Columns are found by their field (`EncryptedField`). A room that keeps encrypted data elsewhere (files, secrets within JSON) has a
module `rotation` with a function `rotate() -> int`, which does the same for them and returns how many it wrote.
Safe to run beside the service and to run again: a value that somebody changed meanwhile is left as it is.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.db import connection, models
from psycopg import sql

from qunli.kernel import ciphers
from qunli.kernel.fields import EncryptedField

BATCH = 2000


def rotate() -> Iterator[tuple[str, int]]:
    """(place, how many values were written) for every place that holds encrypted data."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, EncryptedField):
                yield f"{model._meta.label_lower}.{field.name}", rotate_column(model, field)
    for config in apps.get_app_configs():
        if config.name.startswith("qunli.") and config.label != "kernel" and find_spec(f"{config.name}.rotation"):
            yield config.label, import_module(f"{config.name}.rotation").rotate()


def rotate_column(model: type[models.Model], field: EncryptedField) -> int:
    """In batches of their own transactions, by key. Raises ciphers.Unreadable when a value's key is not configured any more."""
    header = ciphers.current_header()
    names = {
        "table": sql.Identifier(model._meta.db_table),
        "key": sql.Identifier(str(model._meta.pk.column)),
        "column": sql.Identifier(str(field.column)),
    }
    read = sql.SQL(
        "select {key}, {column} from {table} where {column} is not null and substring({column} from 1 for %s) <> %s"
        " and {key} > %s order by {key} limit %s"
    ).format(**names)
    write = sql.SQL(
        "update {table} t set {column} = v.new from unnest(%s::bigint[], %s::bytea[], %s::bytea[]) as v (id, old, new)"
        " where t.{key} = v.id and t.{column} = v.old"
    ).format(**names)
    written, last = 0, -(2**63)
    with connection.cursor() as cursor:
        while True:
            cursor.execute(read, [len(header), header, last, BATCH])
            rows = [(key, bytes(blob)) for key, blob in cursor.fetchall()]
            if not rows:
                return written
            last = rows[-1][0]
            old = [blob for _key, blob in rows]
            new = ciphers.encrypt_many([ciphers.decrypt(blob) for blob in old])
            cursor.execute(write, [[key for key, _blob in rows], old, new])
            written += cursor.rowcount
