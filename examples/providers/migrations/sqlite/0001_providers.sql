-- The tables of the feed providers. source_* say which statement a row comes from: the file, its line, its stamp.

CREATE TABLE providers (
  provider_id    TEXT PRIMARY KEY NOT NULL,
  name           TEXT NOT NULL,
  specialty      TEXT,
  address        TEXT,
  city           TEXT,
  state          TEXT,
  zip            TEXT,
  utilization    INTEGER,
  latitude       REAL,
  longitude      REAL,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL
);
