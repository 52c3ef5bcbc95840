"""What made a trial, as one hash: trials of the same address may stand for each other."""

SQL = """
    CREATE TABLE addresses (
        trial TEXT PRIMARY KEY REFERENCES trials (id),
        address TEXT NOT NULL  -- sha256, see experiments/running/addresses.py
    ) WITHOUT ROWID;
    CREATE INDEX addresses_by_address ON addresses (address, trial);
"""
