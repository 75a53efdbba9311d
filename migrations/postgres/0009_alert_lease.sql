-- Only here: a database of SQLite has one daemon.
-- Which of several daemons tells people of the data: one, until it has not kept its lease for a while.
CREATE TABLE alert_lease (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),  -- there is one row at most
  holder     text COLLATE "C" NOT NULL,                     -- host and place of the daemon's own files
  held_until timestamptz NOT NULL                           -- by the server's clock
);
