-- What people have decided about contents that were held or warned of (landfall accept): the tables follow from the files and from these.
CREATE TABLE decisions (
  name       TEXT NOT NULL,
  sha256     TEXT NOT NULL,                   -- of the content: another one under the name is another matter
  code       TEXT NOT NULL,                   -- what is accepted, as in files.reason_code or files.warnings
  decided_by TEXT NOT NULL,
  reason     TEXT,                            -- in their words
  decided_at TEXT NOT NULL,
  PRIMARY KEY (name, sha256, code)
) WITHOUT ROWID;
