-- Only here: a database of SQLite has one daemon.
-- Several daemons may serve one feed. One row for each that runs; nothing else is known of it once it is gone.
CREATE TABLE daemons (
  process    text COLLATE "C" PRIMARY KEY,     -- one run of the program, as in attempts.process
  host       text COLLATE "C" NOT NULL,
  pid        integer NOT NULL,                 -- of the process to stop
  command    text COLLATE "C" NOT NULL,
  program    text COLLATE "C" NOT NULL,        -- the version of Landfall
  landing    text COLLATE "C",                 -- the landing folder on its host
  folder     text COLLATE "C",                 -- by which the folder is known on any host: its inode
  started_at text COLLATE "C" NOT NULL,
  beat_at    timestamptz NOT NULL,             -- when it last said that it lives, by the server's clock
  file       text COLLATE "C"                  -- the file in hand, or NULL
);

-- The run that had an attempt open when another one took its place: its own daemon will say what has ended it.
ALTER TABLE attempts ADD COLUMN left_by text COLLATE "C";

-- The landing folder that the latest revision of a name came from: two folders whose names meet would have no order (P4).
CREATE TABLE origins (
  name   text COLLATE "C" PRIMARY KEY,
  folder text COLLATE "C" NOT NULL
);
