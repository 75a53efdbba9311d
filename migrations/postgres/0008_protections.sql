-- How the rows of each dataset are protected, so that rows in the clear and protected ones, or those under two keys, never mix.
CREATE TABLE protections (
  dataset     text COLLATE "C" PRIMARY KEY,
  fingerprint text NOT NULL,                  -- of the key; it tells keys apart, and nothing about them
  columns     text NOT NULL                   -- JSON: by column what is done to its values
);
