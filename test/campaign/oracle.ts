/**
 * What the database must hold, worked out from the deliveries alone: an independent answer that knows nothing of src/.
 * Plain and slow on purpose. The rules are those of the design, section 1.
 */

/** A row that a row refers to: the parent's table and key. */
export interface Reference {
  readonly table: string;
  readonly key: string;
}

/** A good row of a file, as it is typed. */
export interface GoodRow {
  readonly kind: 'good';
  readonly line: number;
  readonly key: string;
  readonly references: readonly Reference[];
  /** All values of the row, as they are compared: two rows are the same when these are. */
  readonly values: readonly (string | number | null)[];
}

/** A row that is refused for itself, whatever else is there. */
export interface BadRow {
  readonly kind: 'bad';
  readonly line: number;
}

/** One content that turns up under one name. */
export interface Delivery {
  readonly name: string;
  /** Comparable as text, e.g. `2026-08-01T06:00:00Z`. */
  readonly stamp: string;
  readonly table: string;
  /** Two deliveries of one name hold the same bytes exactly when these are equal. */
  readonly content: string;
  readonly rows: readonly (GoodRow | BadRow)[];
  /** Read it again although the bytes are the same (`landfall retry`). */
  readonly afresh?: boolean;
  /** A check holds it, whatever else is in it. */
  readonly held?: boolean;
}

/** A good row with its place in the order of versions. */
export interface Statement extends GoodRow {
  readonly table: string;
  readonly stamp: string;
  readonly name: string;
  readonly revision: number;
}

export interface EndState {
  /** For each table the admitted version of each key. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, Statement>>;
  /** The versions that still wait, in the order of versions. */
  readonly waiting: readonly Statement[];
}

export interface Counts {
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly stale: number;
  readonly rejected: number;
  readonly waiting: number;
}

export type Outcome =
  /** The same bytes as the latest revision of the name (rule 2). */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'quarantined'; readonly revision: number; readonly code?: 'check' }
  | {
      readonly kind: 'ingested';
      readonly revision: number;
      readonly late: boolean;
      readonly counts: Counts;
      /** Waiting rows that this commit admitted. */
      readonly healed: number;
    };

/** A row that waited once and what became of it. */
export interface Waiter {
  readonly statement: Statement;
  state: 'waiting' | 'healed' | 'superseded' | 'rejected';
  healedAs: 'inserted' | 'updated' | null;
}

/** The order of versions (P4): stamp, name bytewise, revision, line. Negative when `a` is older. */
export function compareVersions(
  a: Pick<Statement, 'stamp' | 'name' | 'revision' | 'line'>,
  b: Pick<Statement, 'stamp' | 'name' | 'revision' | 'line'>,
): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1;
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) || a.revision - b.revision || a.line - b.line;
}

/**
 * The end state in closed form (rule 5): the newest version of each key whose references exist in the end. Which keys
 * exist is the least fixpoint of "one of its versions has all its parents". Waiting is every version newer than the
 * admitted one of its key (anything older has given way, whichever road it came by).
 * @param statements all good rows of all ingested revisions, in any order
 */
export function endState(statements: readonly Statement[]): EndState {
  const exists = new Set<string>();
  const admissible = (row: Statement): boolean => row.references.every((parent) => exists.has(identity(parent)));
  for (let before = -1; before !== exists.size;) {
    before = exists.size;
    for (const row of statements) if (admissible(row)) exists.add(identity(row));
  }

  const tables = new Map<string, Map<string, Statement>>();
  for (const row of statements) {
    if (!admissible(row)) continue;
    const table = entry(tables, row.table, () => new Map<string, Statement>());
    const current = table.get(row.key);
    if (current === undefined || compareVersions(current, row) < 0) table.set(row.key, row);
  }
  const waiting = statements.filter((row) => {
    const admitted = tables.get(row.table)?.get(row.key);
    return admitted === undefined || compareVersions(admitted, row) < 0;
  });
  return { tables, waiting: waiting.toSorted(compareVersions) };
}

/**
 * Takes deliveries in the order given, applying rows singly in line order, and healing at the end of each file, parents'
 * tables before their children's.
 * @param deliveries in the order in which they are ingested
 * @param tables all tables, parents before children
 * @param maxBadRows the share of rejected rows above which a file is quarantined (rule 7)
 * @param refuses whether the database refuses a row that lacks nothing, as a new one or as a version of one that is there
 * @returns what became of each delivery, of each row that ever waited, the statements made, and the tables as they ended
 */
export function replay(
  deliveries: readonly Delivery[],
  tables: readonly string[],
  maxBadRows = 0.5,
  refuses: (row: Statement, isNew: boolean) => boolean = () => false,
): { outcomes: Outcome[]; waiters: Waiter[]; statements: Statement[]; tables: Map<string, Map<string, Statement>> } {
  const admitted = new Map<string, Map<string, Statement>>(tables.map((table) => [table, new Map()]));
  const rowsOf = (table: string): Map<string, Statement> => entry(admitted, table, () => new Map<string, Statement>());
  const latest = new Map<string, { revision: number; content: string; quarantined: boolean }>();
  const checkpoints = new Map<string, string>();
  const statements: Statement[] = [];
  /** All rows of a key that ever waited, in the order in which they came to wait. */
  const waiters = new Map<string, Waiter[]>();

  const orphan = (row: Statement): boolean => row.references.some((parent) => !rowsOf(parent.table).has(parent.key));
  /** Settles the waiting versions of a key that are older than one just admitted. */
  const supersede = (winner: Statement): void => {
    for (const waiter of waiters.get(identity(winner)) ?? []) {
      const older = compareVersions(waiter.statement, winner) < 0;
      if (older && waiter.state === 'waiting') waiter.state = 'superseded';
    }
  };
  /** Admits the newest admissible waiting version of each key of a table. */
  const heal = (table: string): number => {
    let healed = 0;
    for (const versions of waiters.values()) {
      const ready = versions
        .filter(({ state, statement }) => state === 'waiting' && statement.table === table && !orphan(statement))
        .toSorted((a, b) => compareVersions(b.statement, a.statement));
      const winner = ready.find(({ statement }) => !refuses(statement, !rowsOf(table).has(statement.key)));
      for (const refused of winner === undefined ? ready : ready.slice(0, ready.indexOf(winner)))
        refused.state = 'rejected';
      if (winner === undefined) continue;
      const { statement } = winner;
      winner.state = 'healed';
      winner.healedAs = rowsOf(table).has(statement.key) ? 'updated' : 'inserted';
      rowsOf(table).set(statement.key, statement);
      supersede(statement);
      healed += 1;
    }
    return healed;
  };

  const take = (delivery: Delivery): Outcome => {
    const { name, stamp, table, rows } = delivery;
    const seen = latest.get(name);
    const same = seen?.content === delivery.content;
    if (same && delivery.afresh !== true) return { kind: 'unchanged' };
    // A quarantined content that is tried again is no other revision (rule 9).
    const revision = same && seen.quarantined ? seen.revision : (seen?.revision ?? 0) + 1;

    const counts = { read: 0, inserted: 0, updated: 0, unchanged: 0, stale: 0, rejected: 0, waiting: 0 };
    counts.rejected = rows.filter((row) => row.kind === 'bad').length;
    const isHeld = delivery.held === true;
    const quarantined = isHeld || counts.rejected > maxBadRows * rows.length;
    latest.set(name, { revision, content: delivery.content, quarantined });
    if (quarantined) return { kind: 'quarantined', revision, ...(isHeld ? { code: 'check' } : {}) };

    for (const row of rows) {
      counts.read += 1;
      if (row.kind === 'bad') continue;
      const statement: Statement = { ...row, table, stamp, name, revision };
      statements.push(statement);
      const current = rowsOf(table).get(row.key);
      if (current !== undefined && compareVersions(statement, current) < 0) {
        counts.stale += 1;
      } else if (orphan(statement)) {
        counts.waiting += 1;
        entry(waiters, identity(statement), (): Waiter[] => []).push({ statement, state: 'waiting', healedAs: null });
      } else if (refuses(statement, current === undefined)) {
        counts.rejected += 1;
      } else {
        if (current === undefined) counts.inserted += 1;
        else if (sameValues(current, statement)) counts.unchanged += 1;
        else counts.updated += 1;
        rowsOf(table).set(row.key, statement);
        supersede(statement);
      }
    }
    const healed = tables.reduce((sum, each) => sum + heal(each), 0);
    const checkpoint = checkpoints.get(table);
    const late = checkpoint !== undefined && stamp < checkpoint;
    if (!late) checkpoints.set(table, stamp);
    return { kind: 'ingested', revision, late, counts, healed };
  };

  const outcomes = deliveries.map(take);
  return { outcomes, waiters: [...waiters.values()].flat(), statements, tables: admitted };
}

/** Whether two rows say the same. */
function sameValues(a: GoodRow, b: GoodRow): boolean {
  return a.values.length === b.values.length && a.values.every((value, at) => value === b.values[at]);
}

/** A key across tables, as one text. */
function identity(row: Reference): string {
  return `${row.table}\n${row.key}`;
}

/** The entry of a map, made when it is not there yet. */
function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
