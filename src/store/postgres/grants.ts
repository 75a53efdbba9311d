import type { Feed } from '../../model/feed.ts';
import { LINEAGE_COLUMNS, quoteName } from '../sql-names.ts';
import { literal } from './literal.ts';

/** Tables of the ledger in which no value of a row stands. */
const PLAIN_TABLES = [
  'files',
  'checkpoints',
  'decisions',
  'retries',
  'feeds',
  'feed_schema',
  'schema_migrations',
  'daemons',
];

/** The columns of a reject that hold no value of the row. */
const PLAIN_REJECTS = [
  ...['reject_id', 'file_id', 'dataset', 'line', 'byte_offset', 'code', 'column_name', 'reason', 'state', 'healed_as'],
  ...['settled_by_file_id', 'settled_at'],
];

/**
 * The roles that work with the tables of a feed, and what each may do, as SQL for a superuser, which may be run again:
 * - `landfall_owner` owns the tables and views and brings them up to date
 * - `landfall_loader` runs the daemon: it reads and writes rows
 * - `landfall_reader` reads all
 * - `landfall_reader_nophi` reads all but the columns that are `phi`, and what rejects and waiting rows hold of values
 */
export function grantsText(feed: Feed, schema: string): string {
  const inSchema = quoteName(schema);
  const table = (name: string) => `${inSchema}.${quoteName(name)}`;
  const columns = (names: readonly string[]) => names.map(quoteName).join(', ');
  const plain = feed.datasets.map((dataset) => {
    const names = dataset.columns.filter(({ phi }) => !phi).map(({ name }) => name);
    return `GRANT SELECT (${columns([...names, ...LINEAGE_COLUMNS])}) ON ${table(dataset.table)} TO landfall_reader_nophi;`;
  });
  return `-- The roles of the feed ${feed.name}, to be run by a superuser once the tables are there, and again after a new version has changed them.
-- People and services get one of them: GRANT landfall_loader TO some_user;
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['landfall_owner', 'landfall_loader', 'landfall_reader', 'landfall_reader_nophi'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', wanted); END IF;
  END LOOP;
END $$;

-- The owner has the tables and views, whoever made them, and brings them up to date: the first start of a new version is made as a member of it.
GRANT USAGE, CREATE ON SCHEMA ${inSchema} TO landfall_owner;
DO $$
DECLARE relation regclass;
BEGIN
  FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = ${literal(inSchema)}::regnamespace AND relkind IN ('r', 'p', 'v', 'm') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO landfall_owner', relation);
  END LOOP;
END $$;

-- The loader runs the daemon.
GRANT USAGE ON SCHEMA ${inSchema} TO landfall_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${inSchema} TO landfall_loader;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${inSchema} TO landfall_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE landfall_owner IN SCHEMA ${inSchema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO landfall_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE landfall_owner IN SCHEMA ${inSchema} GRANT USAGE ON SEQUENCES TO landfall_loader;

-- The reader reads all, rejects with the texts of their rows too.
GRANT USAGE ON SCHEMA ${inSchema} TO landfall_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ${inSchema} TO landfall_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE landfall_owner IN SCHEMA ${inSchema} GRANT SELECT ON TABLES TO landfall_reader;

-- This reader sees no column that is phi, and no value of a row that was refused or waits. A view shows what its owner may see.
GRANT USAGE ON SCHEMA ${inSchema} TO landfall_reader_nophi;
GRANT SELECT ON ${PLAIN_TABLES.map(table).join(', ')} TO landfall_reader_nophi;
GRANT SELECT (${columns(PLAIN_REJECTS)}) ON ${table('rejects')} TO landfall_reader_nophi;
GRANT SELECT (parent_table, reject_id) ON ${table('waiting_on')} TO landfall_reader_nophi;
${plain.join('\n')}
`;
}
