"""Contents of files under a new key (`script/manage rotate_keys`)."""

from pathlib import Path

from django.core.files.storage import default_storage

from qunli.files.models import Attachment
from qunli.files.services import path_of
from qunli.kernel import ciphers


def rotate() -> int:
    """Each content is written beside the old one and then takes its name: a reader finds the one or the other, never half."""
    written = 0
    for key in Attachment.objects.values_list("key", flat=True).iterator():
        path = Path(default_storage.path(path_of(key)))
        blob = path.read_bytes()
        if ciphers.is_current(blob):
            continue
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(ciphers.encrypt_bytes(ciphers.decrypt_bytes(blob)))
        fresh.replace(path)
        written += 1
    return written
