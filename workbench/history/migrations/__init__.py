"""The schema's steps, append-only: (name, SQL). A step that has landed is never changed."""

from workbench.history.migrations import addresses, notes, votes

STEPS: tuple[tuple[str, str], ...] = (
    (
        "0001_runs_and_trials",
        """
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            created TEXT NOT NULL,           -- UTC, ISO 8601
            meta TEXT NOT NULL DEFAULT '{}'  -- JSON
        );
        CREATE TABLE trials (
            id TEXT PRIMARY KEY,
            run TEXT NOT NULL REFERENCES runs (id),
            place INTEGER NOT NULL,          -- order in its run
            plan TEXT NOT NULL,              -- JSON: what is needed to make it again
            text TEXT NOT NULL DEFAULT '',
            finish TEXT NOT NULL DEFAULT 'running',
            record TEXT,                     -- JSON: the TRIAL without its text, once finished
            owner INTEGER NOT NULL,          -- process id while running
            owner_started REAL NOT NULL,     -- its start, seconds since the epoch
            updated TEXT NOT NULL
        );
        CREATE INDEX trials_by_run ON trials (run, place);
        CREATE INDEX trials_running ON trials (finish) WHERE finish = 'running';
        CREATE TABLE versions (
            hash TEXT PRIMARY KEY,           -- content hash of a prompt version
            data BLOB NOT NULL,              -- the file's exact bytes
            seen TEXT NOT NULL
        );
        """,
    ),
    ("0003_notes", notes.SQL),
    ("0002_votes", votes.SQL),
    ("0004_addresses", addresses.SQL),
)
