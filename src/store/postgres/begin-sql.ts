import { quoteName } from '../sql-names.ts';
import type { ServerPlace } from './server-place.ts';

/**
 * - `write`: each statement sees what is committed when it begins
 * - `snapshot`: all statements see the same, and nothing is written
 */
export type Access = 'write' | 'snapshot';

/** How long a transaction may be without a statement: whoever stands still in it lets go of its locks then. */
export const IDLE_WITHIN = '10min';

/**
 * What a transaction must not take over from a role or a database: limits of time would end large files, dates and times are read as ISO, in
 * UTC, a number that waits as JSON keeps its last digit, an array its NULLs, and a type is called by its plain name.
 */
const SETTINGS = `SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0; SET LOCAL datestyle TO 'ISO, YMD'; SET LOCAL timezone TO 'UTC';
  SET LOCAL extra_float_digits TO 1; SET LOCAL array_nulls TO on; SET LOCAL quote_all_identifiers TO off;
  SELECT set_config('transaction_timeout', '0', true) WHERE current_setting('transaction_timeout', true) IS NOT NULL;
  SET LOCAL idle_in_transaction_session_timeout TO '${IDLE_WITHIN}'`;

/**
 * What only matters to a transaction that takes long.
 * A client that is gone, or whose host is, gives way after a while to those that wait for its locks, in the middle of a long statement, too
 * (which not every system can tell).
 * A file is looked up in a table by its index, not by reading all of the table, and has room for that; of temporary tables a sample is enough.
 */
const LONG_SETTINGS = `SET LOCAL jit TO off; SET LOCAL work_mem TO '64MB'; SET LOCAL random_page_cost TO 1.1; SET LOCAL default_statistics_target TO 10; SET LOCAL tcp_keepalives_idle TO 30;
  SET LOCAL tcp_keepalives_interval TO 10; SET LOCAL tcp_keepalives_count TO 3;
  SELECT set_config('client_connection_check_interval', '1s', true) WHERE version() LIKE '%linux%'`;

/**
 * What is committed must outlive a crash of the server: a copy is named after it, and a file removed. A stronger setting, which waits for a
 * standby, stays.
 */
const DURABLE = `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;

/** A default of the role or the database must not decide: a snapshot taken before the feed's lock would miss what others committed. */
const BEGIN: Readonly<Record<Access | 'note' | 'rehearsal', string>> = {
  write: `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE; ${DURABLE}`,
  note: 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit TO off',
  snapshot: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  rehearsal: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; SET CONSTRAINTS ALL IMMEDIATE',
};

/**
 * SQL that begins a transaction in which unqualified names are those of the place's schema.
 * @param access `note`: as `write`, for what need not outlive a power cut; `rehearsal`: one in which all statements see the same, and
 *   which is rolled back
 */
export function beginSql({ url }: ServerPlace, access: keyof typeof BEGIN): string {
  const settings = access === 'note' ? SETTINGS : `${SETTINGS}; ${LONG_SETTINGS}`;
  return `${BEGIN[access]}; ${settings}; SET LOCAL search_path TO ${quoteName(url.schema)}`;
}
