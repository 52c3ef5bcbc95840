"""0002: blind votes. A ballot is two answers put side by side; it is written before they are shown, and never changed.

Columns that are no ids are BLOBs: kept as they come (a name may be "007"), and no place where `history/pointers.py`
looks for the trials and runs that votes keep.
"""

SQL = """
CREATE TABLE ballots (
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
CREATE INDEX ballots_by_left ON ballots (left_trial);
CREATE INDEX ballots_by_right ON ballots (right_trial);
CREATE TABLE votes (
    place INTEGER PRIMARY KEY AUTOINCREMENT,  -- a ballot's last row counts
    ballot BLOB NOT NULL REFERENCES ballots (id),
    verdict BLOB NOT NULL,           -- left, right, tie, bad, skip, and to take one back: withdrawn, reopened
    tags BLOB NOT NULL DEFAULT '[]', -- JSON: categories
    created BLOB NOT NULL
);
CREATE INDEX votes_by_ballot ON votes (ballot, place);
"""
