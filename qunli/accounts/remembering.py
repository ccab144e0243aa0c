"""Keys of the cache that all processes share."""

from qunli.kernel.ciphers import blind_index


def digested(key: str, key_prefix: str, version: int) -> str:
    """A key as it is stored: allauth's name accounts and addresses, its digest tells neither."""
    return blind_index("remembered", f"{key_prefix}:{version}:{key}").hex()
