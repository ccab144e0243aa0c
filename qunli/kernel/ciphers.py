"""Ciphers for personal data: SM4-GCM for what is read back, SM3-HMAC for exact look-up. Keys come from the environment.

`QUNLI_CIPHER_KEYS` is "id:hex32,id:hex32": the first encrypts, all decrypt, so that a key is rotated by putting a new one in front.
`QUNLI_INDEX_KEY` is one hex key; it is not rotated without rebuilding the digests.
"""
