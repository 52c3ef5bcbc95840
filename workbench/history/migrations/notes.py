"""0003: what people say of runs (tags, a note), what points at them (pins), and what retention has to know."""

SQL = """
CREATE TABLE notes (
    run TEXT PRIMARY KEY REFERENCES runs (id),
    note TEXT NOT NULL,
    updated TEXT NOT NULL
);
CREATE TABLE tags (
    run TEXT NOT NULL REFERENCES runs (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (run, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_name ON tags (tag, run);
CREATE TABLE pins (
    run TEXT NOT NULL REFERENCES runs (id),
    why TEXT NOT NULL,               -- what points at the run, such as a report's path
    made TEXT NOT NULL,
    PRIMARY KEY (run, why)
) WITHOUT ROWID;
CREATE TABLE folders (               -- libraries that runs were made from: their labels keep runs
    folder TEXT PRIMARY KEY,         -- resolved
    labelled TEXT NOT NULL DEFAULT '{}'  -- JSON, as last read: version -> what points at it
);
CREATE TABLE upkeep (what TEXT PRIMARY KEY, done TEXT NOT NULL);
CREATE INDEX runs_by_time ON runs (created, id);
"""
