-- When a content was taken: of one name, in the order of its revisions. Its copy in the archive says the same; NULL: it went in before
-- this was kept. archived_to is the path of that copy below the archive.
ALTER TABLE files ADD COLUMN taken_at TEXT;

-- Copies for the archive that are being made, each noted before its first byte is written.
CREATE TABLE copies (
  name     TEXT NOT NULL,
  taken_at TEXT NOT NULL,
  process  TEXT NOT NULL, -- which run of the program makes it
  PRIMARY KEY (name, taken_at)
) WITHOUT ROWID;
