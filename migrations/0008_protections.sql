-- How the rows of each dataset are protected, so that rows in the clear and protected ones, or those under two keys, never mix.
CREATE TABLE protections (
  dataset     TEXT PRIMARY KEY NOT NULL,
  fingerprint TEXT NOT NULL,                  -- of the key; it tells keys apart, and nothing about them
  columns     TEXT NOT NULL                   -- JSON: by column what is done to its values
) WITHOUT ROWID;
