-- The worklist: codes that messages carry and code tables do not hold. Ids are never used again,
-- so that what is forgotten leaves no trace behind in unmapped_in that could mean another.
CREATE TABLE unmapped (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    channel         TEXT NOT NULL,
    table_name      TEXT NOT NULL,
    code            TEXT NOT NULL,
    text            TEXT NOT NULL,
    count           INTEGER NOT NULL DEFAULT 0,  -- messages
    first_seen      REAL NOT NULL,
    last_seen       REAL NOT NULL,
    example_message INTEGER NOT NULL,
    UNIQUE (channel, table_name, code, text)
) STRICT;

-- Which message has which of them: counts each once, and finds what is held because of one.
CREATE TABLE unmapped_in (
    message  INTEGER NOT NULL,
    unmapped INTEGER NOT NULL,
    PRIMARY KEY (message, unmapped)
) STRICT, WITHOUT ROWID;
