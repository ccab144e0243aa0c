"""Pages of the day, of records and the ledger, of certificates, and the public verification."""
