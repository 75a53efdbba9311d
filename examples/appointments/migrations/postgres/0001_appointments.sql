-- The tables of the feed appointments. source_* say which statement a row comes from: the file, its line, its stamp.
-- Keys, and what refers to them, are COLLATE "C": bytewise, as in SQLite.

CREATE TABLE patients (
  patient_id     text   COLLATE "C" PRIMARY KEY,
  name           text,
  birth_date     date,
  phone          text,
  address        text,
  source_file_id bigint NOT NULL,
  source_line    bigint NOT NULL,
  source_stamp   text   COLLATE "C" NOT NULL
);

CREATE TABLE appointments (
  appointment_id   text        COLLATE "C" PRIMARY KEY,
  patient_id       text        COLLATE "C" NOT NULL REFERENCES patients (patient_id),
  patient_name     text,
  patient_phone    text,
  patient_address  text,
  appointment_at   timestamptz NOT NULL,
  appointment_type text,
  source_file_id   bigint      NOT NULL,
  source_line      bigint      NOT NULL,
  source_stamp     text        COLLATE "C" NOT NULL
);
CREATE INDEX appointments_by_patient ON appointments (patient_id);
