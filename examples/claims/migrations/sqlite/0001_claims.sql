-- The tables of the feed claims. source_* say which statement a row comes from: the file, its line, its stamp.

CREATE TABLE patients (
  patient_id     TEXT PRIMARY KEY NOT NULL,
  first_name     TEXT,
  last_name      TEXT,
  ssn            TEXT,
  birth_date     TEXT,
  gender         TEXT,
  address        TEXT,
  city           TEXT,
  state          TEXT,
  zip            TEXT,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL
);

CREATE TABLE providers (
  provider_id    TEXT PRIMARY KEY NOT NULL,
  name           TEXT,
  specialty      TEXT,
  state          TEXT,
  zip            TEXT,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL
);

CREATE TABLE claims (
  claim_id          TEXT PRIMARY KEY NOT NULL,
  patient_id        TEXT NOT NULL REFERENCES patients (patient_id),
  provider_id       TEXT REFERENCES providers (provider_id),
  diagnosis_code    TEXT,
  service_at        TEXT NOT NULL,
  billed_at         TEXT,
  status            TEXT,
  outstanding_cents INTEGER,
  source_file_id    INTEGER NOT NULL,
  source_line       INTEGER NOT NULL,
  source_stamp      TEXT NOT NULL
);
CREATE INDEX claims_by_patient ON claims (patient_id);
CREATE INDEX claims_by_provider ON claims (provider_id);

CREATE TABLE claim_lines (
  claim_id       TEXT NOT NULL REFERENCES claims (claim_id),
  line_number    INTEGER NOT NULL,
  procedure_code TEXT,
  service_at     TEXT,
  units          INTEGER,
  amount_cents   INTEGER,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL,
  PRIMARY KEY (claim_id, line_number)
);
