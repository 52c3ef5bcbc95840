"""0002: blind votes. A ballot (a row of `votes`) is two answers put side by side; it is written before they are shown.

Nothing is changed or deleted: verdicts are rows of their own, and a ballot's last one counts. Columns that are no ids
are BLOBs: kept as they come (a name may be "007"), and no place where `history/pointers.py` looks for what votes keep.
"""

SQL = """
CREATE TABLE votes (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    created BLOB NOT NULL,           -- UTC, ISO 8601
    left_item BLOB NOT NULL,         -- what is ranked: prompt version, model and sampling
    right_item BLOB NOT NULL,
    left_trial TEXT,                 -- NULL where votes were imported
    right_trial TEXT,
    case_name BLOB NOT NULL DEFAULT '',
    styles BLOB,                     -- JSON: length, lists, headings, bold of the left and of the right text
    seed INTEGER,                    -- drew the pair and its sides
    voter BLOB NOT NULL DEFAULT '',
    source BLOB NOT NULL             -- arena, import
);
CREATE INDEX votes_by_left ON votes (left_trial);
CREATE INDEX votes_by_right ON votes (right_trial);
CREATE TABLE verdicts (
    place INTEGER PRIMARY KEY AUTOINCREMENT,  -- the highest counts
    ballot BLOB NOT NULL REFERENCES votes (id),
    verdict BLOB NOT NULL,           -- left, right, tie, bad, skip, and to take one back: withdrawn, reopened
    tags BLOB NOT NULL DEFAULT '[]', -- JSON: categories
    created BLOB NOT NULL
);
CREATE INDEX verdicts_by_ballot ON verdicts (ballot, place);
"""
