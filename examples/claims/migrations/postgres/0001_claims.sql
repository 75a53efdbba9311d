-- The tables of the feed claims. source_* say which statement a row comes from: the file, its line, its stamp.
-- Keys, and what refers to them, are COLLATE "C": bytewise, as in SQLite.

CREATE TABLE patients (
  patient_id     text   COLLATE "C" PRIMARY KEY,
  first_name     text,
  last_name      text,
  ssn            text,
  birth_date     text,
  gender         text,
  address        text,
  city           text,
  state          text,
  zip            text,
  source_file_id bigint NOT NULL,
  source_line    bigint NOT NULL,
  source_stamp   text   COLLATE "C" NOT NULL
);

CREATE TABLE providers (
  provider_id    text   COLLATE "C" PRIMARY KEY,
  name           text,
  specialty      text,
  state          text,
  zip            text,
  source_file_id bigint NOT NULL,
  source_line    bigint NOT NULL,
  source_stamp   text   COLLATE "C" NOT NULL
);

CREATE TABLE claims (
  claim_id          text        COLLATE "C" PRIMARY KEY,
  patient_id        text        COLLATE "C" NOT NULL REFERENCES patients (patient_id),
  provider_id       text        COLLATE "C" REFERENCES providers (provider_id),
  diagnosis_code    text,
  service_at        timestamptz NOT NULL,
  billed_at         timestamptz,
  status            text,
  outstanding_cents bigint,
  source_file_id    bigint      NOT NULL,
  source_line       bigint      NOT NULL,
  source_stamp      text        COLLATE "C" NOT NULL
);
CREATE INDEX claims_by_patient ON claims (patient_id);
CREATE INDEX claims_by_provider ON claims (provider_id);

CREATE TABLE claim_lines (
  claim_id       text        COLLATE "C" NOT NULL REFERENCES claims (claim_id),
  line_number    bigint      NOT NULL,
  procedure_code text,
  service_at     timestamptz,
  units          bigint,
  amount_cents   bigint,
  source_file_id bigint      NOT NULL,
  source_line    bigint      NOT NULL,
  source_stamp   text        COLLATE "C" NOT NULL,
  PRIMARY KEY (claim_id, line_number)
);
