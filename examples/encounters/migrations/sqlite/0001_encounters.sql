-- The tables of the feed encounters. source_* say which statement a row comes from: the file, its line, its stamp.

CREATE TABLE encounters (
  encounter_id   TEXT PRIMARY KEY NOT NULL,
  patient_id     TEXT NOT NULL,
  started_at     TEXT NOT NULL,
  ended_at       TEXT,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL
);

CREATE TABLE measurements (
  measurement_id TEXT PRIMARY KEY NOT NULL,
  patient_id     TEXT NOT NULL,
  encounter_id   TEXT REFERENCES encounters (encounter_id),
  taken_at       TEXT NOT NULL,
  code           TEXT NOT NULL,
  value          TEXT,
  unit           TEXT,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL
);
CREATE INDEX measurements_by_encounter ON measurements (encounter_id);
