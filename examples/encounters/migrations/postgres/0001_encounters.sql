-- The tables of the feed encounters. source_* say which statement a row comes from: the file, its line, its stamp.
-- Keys, and what refers to them, are COLLATE "C": bytewise, as in SQLite.

CREATE TABLE encounters (
  encounter_id   text        COLLATE "C" PRIMARY KEY,
  patient_id     text        NOT NULL,
  started_at     timestamptz NOT NULL,
  ended_at       timestamptz,
  source_file_id bigint      NOT NULL,
  source_line    bigint      NOT NULL,
  source_stamp   text        COLLATE "C" NOT NULL
);

CREATE TABLE measurements (
  measurement_id text        COLLATE "C" PRIMARY KEY,
  patient_id     text        NOT NULL,
  encounter_id   text        COLLATE "C" REFERENCES encounters (encounter_id),
  taken_at       timestamptz NOT NULL,
  code           text        NOT NULL,
  value          text,
  unit           text,
  source_file_id bigint      NOT NULL,
  source_line    bigint      NOT NULL,
  source_stamp   text        COLLATE "C" NOT NULL
);
CREATE INDEX measurements_by_encounter ON measurements (encounter_id);
