-- The tables of feeds/visitpay.yaml. source_* say which statement a row comes from: the file, its line, its stamp.

CREATE TABLE procedures (
  procedure_id          TEXT PRIMARY KEY NOT NULL,
  procedure_code        TEXT NOT NULL,
  code_system           TEXT,
  description           TEXT,
  standard_charge_cents INTEGER,
  effective_date        TEXT,
  source_file_id        INTEGER NOT NULL,
  source_line           INTEGER NOT NULL,
  source_stamp          TEXT NOT NULL
);

CREATE TABLE visits (
  visit_id           TEXT PRIMARY KEY NOT NULL,
  procedure_id       TEXT NOT NULL REFERENCES procedures (procedure_id),
  patient_id         TEXT NOT NULL,
  patient_name       TEXT,
  date_of_birth      TEXT,
  patient_phone      TEXT,
  patient_address    TEXT,
  visit_type         TEXT,
  visit_date         TEXT NOT NULL,
  discharge_date     TEXT,
  facility           TEXT,
  provider           TEXT,
  total_charge_cents INTEGER,
  status             TEXT,
  source_file_id     INTEGER NOT NULL,
  source_line        INTEGER NOT NULL,
  source_stamp       TEXT NOT NULL
);

CREATE TABLE transactions (
  transaction_id   TEXT PRIMARY KEY NOT NULL,
  visit_id         TEXT NOT NULL REFERENCES visits (visit_id),
  procedure_id     TEXT REFERENCES procedures (procedure_id),
  transaction_date TEXT NOT NULL,
  post_date        TEXT,
  transaction_type TEXT NOT NULL,
  amount_cents     INTEGER NOT NULL,
  payer            TEXT,
  description      TEXT,
  source_file_id   INTEGER NOT NULL,
  source_line      INTEGER NOT NULL,
  source_stamp     TEXT NOT NULL
);
CREATE INDEX transactions_by_visit ON transactions (visit_id);
