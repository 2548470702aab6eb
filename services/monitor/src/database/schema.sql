-- The projection. Every row comes from a stream, so there are no migrations: another schema
-- version is thrown away and read again. Bump VERSION in mod.rs with every change.

-- How far each stream was read; written in the same transaction as its rows.
CREATE TABLE positions (
    stream      TEXT PRIMARY KEY,
    created     TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    unreadable  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE entries (
    id              INTEGER PRIMARY KEY,
    entry_id        TEXT NOT NULL UNIQUE,
    sequence        INTEGER NOT NULL,
    connection      TEXT NOT NULL,
    entity          TEXT NOT NULL,
    entity_id       TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    at_ms           INTEGER NOT NULL,
    stage           TEXT NOT NULL,
    kind            INTEGER NOT NULL,
    detail          TEXT NOT NULL,
    trace_id        TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    duration_us     INTEGER NOT NULL,
    attributes      TEXT NOT NULL,
    -- Set on the entries that say a dead letter was released.
    replays         TEXT
);
CREATE INDEX entries_by_entity ON entries (connection, entity, entity_id, at_ms);
CREATE INDEX entries_by_sequence ON entries (sequence);
CREATE INDEX entries_by_replay ON entries (replays) WHERE replays IS NOT NULL;

CREATE TABLE outcomes (
    event_id        TEXT PRIMARY KEY,
    sequence        INTEGER NOT NULL,
    connection      TEXT NOT NULL,
    entity          TEXT NOT NULL,
    entity_id       TEXT NOT NULL,
    at_ms           INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    client_id       INTEGER NOT NULL,
    invoice_id      INTEGER NOT NULL,
    invoice_number  TEXT NOT NULL,
    total_minor     INTEGER,
    currency        TEXT,
    payment_ids     TEXT NOT NULL,
    writes          INTEGER NOT NULL,
    detail          TEXT NOT NULL,
    trace_id        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX outcomes_by_entity ON outcomes (connection, entity, entity_id, at_ms);

CREATE TABLE dead_letters (
    dead_letter_id      TEXT PRIMARY KEY,
    sequence            INTEGER NOT NULL,
    connection          TEXT NOT NULL,
    entity              TEXT NOT NULL,
    entity_id           TEXT NOT NULL,
    event_id            TEXT NOT NULL,
    stage               TEXT NOT NULL,
    kind                INTEGER NOT NULL,
    attempts            INTEGER NOT NULL,
    first_seen_at_ms    INTEGER NOT NULL,
    dead_at_ms          INTEGER NOT NULL,
    original_stream     TEXT NOT NULL,
    original_subject    TEXT NOT NULL,
    original_sequence   INTEGER NOT NULL,
    original_schema     TEXT NOT NULL,
    payload_bytes       INTEGER NOT NULL,
    trace_id            TEXT NOT NULL,
    -- What the order comes to, when the bytes say it.
    total_minor         INTEGER,
    currency            TEXT
) WITHOUT ROWID;
CREATE INDEX dead_letters_by_time ON dead_letters (dead_at_ms, dead_letter_id);
CREATE INDEX dead_letters_by_entity ON dead_letters (connection, entity, entity_id);
CREATE INDEX dead_letters_by_sequence ON dead_letters (sequence);

CREATE TABLE dead_letter_reasons (
    dead_letter_id  TEXT NOT NULL,
    position        INTEGER NOT NULL,
    code            TEXT NOT NULL,
    message         TEXT NOT NULL,
    path            TEXT NOT NULL,
    PRIMARY KEY (dead_letter_id, position)
) WITHOUT ROWID;
CREATE INDEX dead_letter_reasons_by_code ON dead_letter_reasons (code);

-- One row per order, worked out anew from its entries whenever one of them arrives.
CREATE TABLE orders (
    connection      TEXT NOT NULL,
    order_id        TEXT NOT NULL,
    state           TEXT NOT NULL,
    detail          TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    trace_id        TEXT NOT NULL,
    invoice_id      INTEGER NOT NULL,
    invoice_number  TEXT NOT NULL COLLATE NOCASE,
    total_minor     INTEGER,
    currency        TEXT,
    first_seen_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    -- Since when something is under way; null when the order is at rest.
    open_since_ms   INTEGER,
    PRIMARY KEY (connection, order_id)
) WITHOUT ROWID;
CREATE INDEX orders_by_update ON orders (updated_at_ms, connection, order_id);
CREATE INDEX orders_by_connection ON orders (connection, updated_at_ms, order_id);
CREATE INDEX orders_by_connection_state ON orders (connection, state, updated_at_ms, order_id);
CREATE INDEX orders_by_state ON orders (state, updated_at_ms, connection, order_id);
CREATE INDEX orders_by_count ON orders (connection, state, currency, total_minor);
CREATE INDEX orders_by_id ON orders (order_id);
CREATE INDEX orders_by_invoice ON orders (invoice_number) WHERE invoice_number <> '';
CREATE INDEX orders_by_open ON orders (open_since_ms) WHERE open_since_ms IS NOT NULL;

CREATE TABLE connections (
    connection          TEXT PRIMARY KEY,
    last_hook_ms        INTEGER NOT NULL DEFAULT 0,
    last_delivery_ms    INTEGER NOT NULL DEFAULT 0,
    -- The newest word on whether it is held; kind is a journal kind.
    hold_at_ms          INTEGER NOT NULL DEFAULT 0,
    hold_kind           INTEGER NOT NULL DEFAULT 0,
    hold_detail         TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
