-- The tables of the feed appointments. source_* say which statement a row comes from: the file, its line, its stamp.

CREATE TABLE patients (
  patient_id     TEXT PRIMARY KEY NOT NULL,
  name           TEXT,
  birth_date     TEXT,
  phone          TEXT,
  address        TEXT,
  source_file_id INTEGER NOT NULL,
  source_line    INTEGER NOT NULL,
  source_stamp   TEXT NOT NULL
);

CREATE TABLE appointments (
  appointment_id   TEXT PRIMARY KEY NOT NULL,
  patient_id       TEXT NOT NULL REFERENCES patients (patient_id),
  patient_name     TEXT,
  patient_phone    TEXT,
  patient_address  TEXT,
  appointment_at   TEXT NOT NULL,
  appointment_type TEXT,
  source_file_id   INTEGER NOT NULL,
  source_line      INTEGER NOT NULL,
  source_stamp     TEXT NOT NULL
);
CREATE INDEX appointments_by_patient ON appointments (patient_id);
