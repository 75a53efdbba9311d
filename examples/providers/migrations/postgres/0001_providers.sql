-- The tables of the feed providers. source_* say which statement a row comes from: the file, its line, its stamp.
-- Keys, and what refers to them, are COLLATE "C": bytewise, as in SQLite.

CREATE TABLE providers (
  provider_id    text             COLLATE "C" PRIMARY KEY,
  name           text             NOT NULL,
  specialty      text,
  address        text,
  city           text,
  state          text,
  zip            text,
  utilization    bigint,
  latitude       double precision,
  longitude      double precision,
  source_file_id bigint           NOT NULL,
  source_line    bigint           NOT NULL,
  source_stamp   text             COLLATE "C" NOT NULL
);
