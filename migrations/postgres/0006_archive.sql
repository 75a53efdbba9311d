-- As migrations/0006_archive.sql.
ALTER TABLE files ADD COLUMN taken_at text COLLATE "C";

CREATE TABLE copies (
  name     text COLLATE "C" NOT NULL,
  taken_at text COLLATE "C" NOT NULL,
  process  text COLLATE "C" NOT NULL,
  PRIMARY KEY (name, taken_at)
);
