-- The first schema. Times are seconds since 1970 (REAL); names in STATE and OUTCOME columns
-- are those of engine.lifecycle. Rows may be purged; what is counted is never forgotten.

-- Where messages come from: a channel on a port; channel '' is what never reached a channel.
CREATE TABLE bucket (
    id      INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    port    TEXT NOT NULL,
    UNIQUE (channel, port)
) STRICT;

CREATE TABLE destination (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- The ledger. Book 'message': of a bucket, by outcome, and 'received' in all.
-- Book 'delivery': of a destination, by state, and 'accepted' in all.
CREATE TABLE ledger (
    book    TEXT NOT NULL,
    account INTEGER NOT NULL,
    entry   TEXT NOT NULL,
    counted INTEGER NOT NULL DEFAULT 0,
    purged  INTEGER NOT NULL DEFAULT 0,  -- of these, the rows are gone
    PRIMARY KEY (book, account, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    id            INTEGER PRIMARY KEY, -- in the order of receipt; the newest row is never purged
    bucket        INTEGER NOT NULL REFERENCES bucket,
    peer          TEXT NOT NULL,
    received_at   REAL NOT NULL,
    stored_at     REAL NOT NULL,
    outcome       TEXT NOT NULL,
    control_id    TEXT NOT NULL,
    sender        TEXT NOT NULL,
    type          TEXT NOT NULL,
    version       TEXT NOT NULL,
    patient       TEXT NOT NULL,
    order_number  TEXT NOT NULL,
    answer        TEXT NOT NULL,       -- the last code of table 0008 that was sent, '' for none
    answered_at   REAL,
    reason        TEXT NOT NULL,
    configuration TEXT NOT NULL,
    original      INTEGER,             -- of a duplicate: the message that it repeats
    reused        INTEGER NOT NULL,    -- 1: its control id had been used for other bytes
    checksum      INTEGER NOT NULL,    -- CRC-32 of the bytes: finds duplicates, proves nothing
    raw           BLOB                 -- as received; NULL: a duplicate, they are its original's
) STRICT;

CREATE INDEX message_control ON message (control_id, sender, checksum);
-- With what the ledger counts, so that checking it does not read through the bytes.
CREATE INDEX message_sender ON message (sender, bucket, outcome);
CREATE INDEX message_type ON message (type);
CREATE INDEX message_patient ON message (patient) WHERE patient <> '';
CREATE INDEX message_order ON message (order_number) WHERE order_number <> '';

CREATE TABLE delivery (
    -- 64 * message + nth destination of the message: in this order it goes through its lanes
    id          INTEGER PRIMARY KEY,
    message     INTEGER NOT NULL,
    destination INTEGER NOT NULL REFERENCES destination,
    state       TEXT NOT NULL,
    lanes       TEXT NOT NULL,               -- JSON list of lane numbers
    blocked     INTEGER NOT NULL,            -- in how many of them it is not the head
    attempt     INTEGER NOT NULL DEFAULT 0,
    due         REAL NOT NULL DEFAULT 0,     -- not to be tried before; 0: at once
    claimed_at  REAL,
    settled_at  REAL,
    detail      TEXT NOT NULL DEFAULT ''
) STRICT;

-- What must be found without looking through the queue.
CREATE INDEX delivery_state ON delivery (state, destination)
    WHERE state IN ('sending', 'held', 'dead');

-- A delivery stands in its lanes until it is settled; the head of a lane is its smallest.
CREATE TABLE waiting (
    lane     INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    PRIMARY KEY (lane, delivery)
) STRICT, WITHOUT ROWID;

-- Exactly the QUEUED deliveries that are heads of all their lanes: what may be claimed.
CREATE TABLE ready (
    destination INTEGER NOT NULL,
    due         REAL NOT NULL,
    delivery    INTEGER NOT NULL,
    PRIMARY KEY (destination, due, delivery)
) STRICT, WITHOUT ROWID;

-- The newest delivery that a lane has delivered: a replay of an older one would go back in time.
CREATE TABLE lane (
    id        INTEGER PRIMARY KEY,
    delivered INTEGER NOT NULL
) STRICT;
