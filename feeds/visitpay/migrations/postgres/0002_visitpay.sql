-- The tables of feeds/visitpay.yaml. source_* say which statement a row comes from: the file, its line, its stamp.
-- Keys, and what refers to them, are COLLATE "C": bytewise, as in SQLite.

CREATE TABLE procedures (
  procedure_id          text   COLLATE "C" PRIMARY KEY,
  procedure_code        text   NOT NULL,
  code_system           text,
  description           text,
  standard_charge_cents bigint,
  effective_date        date,
  source_file_id        bigint NOT NULL,
  source_line           bigint NOT NULL,
  source_stamp          text   COLLATE "C" NOT NULL
);

CREATE TABLE visits (
  visit_id           text   COLLATE "C" PRIMARY KEY,
  procedure_id       text   COLLATE "C" NOT NULL REFERENCES procedures (procedure_id),
  patient_id         text   NOT NULL,
  patient_name       text,
  date_of_birth      date,
  patient_phone      text,
  patient_address    text,
  visit_type         text,
  visit_date         date   NOT NULL,
  discharge_date     date,
  facility           text,
  provider           text,
  total_charge_cents bigint,
  status             text,
  source_file_id     bigint NOT NULL,
  source_line        bigint NOT NULL,
  source_stamp       text   COLLATE "C" NOT NULL
);

CREATE TABLE transactions (
  transaction_id   text   COLLATE "C" PRIMARY KEY,
  visit_id         text   COLLATE "C" NOT NULL REFERENCES visits (visit_id),
  procedure_id     text   COLLATE "C" REFERENCES procedures (procedure_id),
  transaction_date date   NOT NULL,
  post_date        date,
  transaction_type text   NOT NULL,
  amount_cents     bigint NOT NULL,
  payer            text,
  description      text,
  source_file_id   bigint NOT NULL,
  source_line      bigint NOT NULL,
  source_stamp     text   COLLATE "C" NOT NULL
);
CREATE INDEX transactions_by_visit ON transactions (visit_id);
