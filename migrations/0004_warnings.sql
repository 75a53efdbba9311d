-- What is doubtful about an ingested file, though nothing of it is refused for that: JSON, {code: {"count": rows, "lines": [the first few]}}.
ALTER TABLE files ADD COLUMN warnings TEXT;

-- Whether a line end follows the last row; NULL: there is no row, or the file went in before this was kept. Where most files of a
-- dataset have one, a file that lacks it was probably cut off.
ALTER TABLE files ADD COLUMN last_row_ended INTEGER CHECK (last_row_ended IN (0, 1));
