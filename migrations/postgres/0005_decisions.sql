-- What people have decided about contents that were held or warned of (landfall accept): the tables follow from the files and from these.
CREATE TABLE decisions (
  name       text COLLATE "C" NOT NULL,
  sha256     text COLLATE "C" NOT NULL,       -- of the content: another one under the name is another matter
  code       text COLLATE "C" NOT NULL,       -- what is accepted, as in files.reason_code or files.warnings
  decided_by text NOT NULL,
  reason     text,                            -- in their words
  decided_at text NOT NULL,
  PRIMARY KEY (name, sha256, code)
);
