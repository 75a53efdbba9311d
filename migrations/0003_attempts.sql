-- Not every death in the middle of a file speaks against the file: the host restarts, someone kills all of the program, memory runs out.
-- `failures` counts what a content did: an unexpected error, a crash that the parent process saw, a hang that it ended. `deaths` counts
-- the ends of the program of which nobody knows why.
ALTER TABLE attempts ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN died_at TEXT; -- when the last of these deaths was found
ALTER TABLE attempts ADD COLUMN unread TEXT; -- size, time and inode of the file, by which it is known again before a byte of it is read
