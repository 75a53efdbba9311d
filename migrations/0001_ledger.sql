-- The ledger and what stands around it: the same for every feed.

-- One row for each revision of each name seen. Revision 0: seen but never read (a near-miss name, a held file).
CREATE TABLE files (
  file_id        INTEGER PRIMARY KEY,
  feed           TEXT    NOT NULL,
  feed_hash      TEXT    NOT NULL,
  program        TEXT    NOT NULL,            -- the version of Landfall that wrote this row
  dataset        TEXT,
  name           TEXT    NOT NULL,
  revision       INTEGER NOT NULL CHECK (revision >= 0),
  stamp          TEXT,                        -- YYYY-MM-DDThh:mm:ssZ
  bytes          INTEGER NOT NULL,
  sha256         TEXT,
  mtime_ns       INTEGER NOT NULL,
  ctime_ns       INTEGER NOT NULL,
  inode          INTEGER NOT NULL,
  state          TEXT    NOT NULL CHECK (state IN ('ingested', 'quarantined', 'replaced', 'unrecognised')),
  reason_code    TEXT,
  reason         TEXT,
  late           INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
  attempts       INTEGER NOT NULL DEFAULT 1,
  rows_read      INTEGER NOT NULL DEFAULT 0,
  rows_inserted  INTEGER NOT NULL DEFAULT 0,
  rows_updated   INTEGER NOT NULL DEFAULT 0,
  rows_unchanged INTEGER NOT NULL DEFAULT 0,
  rows_stale     INTEGER NOT NULL DEFAULT 0,
  rows_rejected  INTEGER NOT NULL DEFAULT 0,
  rows_waiting   INTEGER NOT NULL DEFAULT 0,
  bytes_header   INTEGER NOT NULL DEFAULT 0,
  bytes_rows     INTEGER NOT NULL DEFAULT 0,
  bytes_refused  INTEGER NOT NULL DEFAULT 0,
  bytes_skipped  INTEGER NOT NULL DEFAULT 0,
  dialect        TEXT,                        -- JSON: how the file is written
  extra          TEXT,                        -- JSON: header cells that no column takes
  reject_counts  TEXT,                        -- JSON: {code: rows}, frozen at the commit
  archived_to    TEXT,
  started_at     TEXT    NOT NULL,
  finished_at    TEXT    NOT NULL,
  UNIQUE (name, revision),
  CHECK (rows_read = rows_inserted + rows_updated + rows_unchanged + rows_stale + rows_rejected + rows_waiting),
  CHECK (state NOT IN ('quarantined', 'unrecognised') OR reason_code IS NOT NULL)
);

CREATE INDEX files_by_dataset ON files (dataset, file_id);

-- A row that is not loaded. Only state = 'rejected' is final; a waiting row keeps its typed values in record.
CREATE TABLE rejects (
  reject_id          INTEGER PRIMARY KEY,
  file_id            INTEGER NOT NULL REFERENCES files (file_id),
  dataset            TEXT    NOT NULL,
  line               INTEGER NOT NULL,
  byte_offset        INTEGER NOT NULL,
  row_key            TEXT,
  code               TEXT    NOT NULL,
  column_name        TEXT,
  reason             TEXT    NOT NULL,
  raw                TEXT,                    -- exactly as sent (a BLOB where it is not valid text); cleared when the row heals
  record             TEXT,                    -- JSON: the typed values of a waiting row
  state              TEXT    NOT NULL CHECK (state IN ('rejected', 'waiting', 'healed', 'superseded')),
  healed_as          TEXT    CHECK (healed_as IN ('inserted', 'updated', 'unchanged')),
  settled_by_file_id INTEGER,                 -- of files: a foreign key would want an index of its own, for the few entries that are ever deleted
  settled_at         TEXT,
  CHECK ((state = 'healed') = (healed_as IS NOT NULL)),
  -- A rejected row is settled by another file where it waited first, and was refused for a constraint when its parent came.
  CHECK (CASE state WHEN 'waiting' THEN settled_by_file_id IS NULL WHEN 'rejected' THEN 1 ELSE settled_by_file_id IS NOT NULL END),
  CHECK ((state = 'waiting') = (record IS NOT NULL))
);
CREATE INDEX rejects_by_file ON rejects (file_id, line);
CREATE INDEX rejects_waiting ON rejects (dataset, row_key) WHERE state = 'waiting';
CREATE INDEX rejects_rejected ON rejects (dataset, code, file_id) WHERE state = 'rejected'; -- for status, among millions that healed

-- What a waiting row waits for: one row for each parent that is missing. It heals when none is left.
-- It is searched by parent only: what a given row may wait for stands in its record. An index by reject_id, or a foreign key that
-- wants one, would double the cost of a row that waits.
CREATE TABLE waiting_on (
  parent_table TEXT    NOT NULL,
  parent_key   TEXT    NOT NULL,
  reject_id    INTEGER NOT NULL,              -- of rejects
  PRIMARY KEY (parent_table, parent_key, reject_id)
) WITHOUT ROWID;

-- The newest stamp ingested of each dataset: a file with an older one is late.
CREATE TABLE checkpoints (
  feed       TEXT    NOT NULL,
  dataset    TEXT    NOT NULL,
  stamp      TEXT    NOT NULL,
  file_id    INTEGER NOT NULL REFERENCES files (file_id),
  updated_at TEXT    NOT NULL,
  PRIMARY KEY (feed, dataset)
) WITHOUT ROWID;

-- Readings that have not ended well: what is left open by a process that is gone was a death. After three failures the content is quarantined.
CREATE TABLE attempts (
  name       TEXT    NOT NULL,
  content    TEXT    NOT NULL,                -- its SHA-256; until that is known, size, time and inode
  failures   INTEGER NOT NULL,
  process    TEXT,                            -- which run of the program has the attempt open, or NULL
  started_at TEXT    NOT NULL,
  PRIMARY KEY (name, content)
) WITHOUT ROWID;

-- Names that someone asked to have read again (landfall retry).
CREATE TABLE retries (
  name         TEXT PRIMARY KEY,
  requested_at TEXT NOT NULL
) WITHOUT ROWID;
