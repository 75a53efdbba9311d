import fc from 'fast-check';
import { MARKER } from '../helpers/billing.ts';
import {
  COLUMNS,
  DATASET_NAMES,
  feedFileName,
  feedFileText,
  type DatasetName,
  type Row,
} from '../helpers/feed-files.ts';
import { createRandom, type Random } from '../helpers/random.ts';
import type { BadRow, Delivery, GoodRow } from './oracle.ts';

/** How a bad row is broken. Every way is refused for the row itself, whatever else is in the file. */
const FAULTS = ['bad_date', 'missing_key', 'missing_value', 'field_count'] as const;

/** A row of a campaign's feed, before it is spelt out. */
export interface PlannedRow {
  /** The number in the row's key. */
  readonly key: number;
  /** The number in the key of the procedure it refers to; null: no reference (a Visit refers to procedure 0 then). */
  readonly procedure: number | null;
  /** The number in the key of the visit that a Transaction refers to. */
  readonly visit: number;
  /** What tells one version of the row from another. */
  readonly variant: number;
  readonly fault: (typeof FAULTS)[number] | null;
}

/** A file name and the contents that turn up under it, in their order. */
export interface PlannedFile {
  readonly dataset: DatasetName;
  /** As in the name: `20250601_060000`. */
  readonly stamp: string;
  readonly brackets: boolean;
  readonly contents: readonly (readonly PlannedRow[])[];
}

/** What one content of a file is on disk, and what it says. */
export interface SpeltContent {
  readonly name: string;
  readonly text: string;
  readonly delivery: Delivery;
}

/** The tables, parents before children. */
export const TABLES = ['procedures', 'visits', 'transactions'] as const;
const TABLE_OF: Readonly<Record<DatasetName, (typeof TABLES)[number]>> = {
  Procedure: 'procedures',
  Visit: 'visits',
  Transaction: 'transactions',
};

const MONEY: readonly string[] = ['StandardCharge', 'TotalCharge', 'Amount'];

/** The columns of each table as they hold a row's values, in the order of the file's columns. */
export const TABLE_COLUMNS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  DATASET_NAMES.map((dataset) => [
    TABLE_OF[dataset],
    COLUMNS[dataset].map((header) => {
      const snake = header.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
      return MONEY.includes(header) ? `${snake}_cents` : snake;
    }),
  ]),
);

/** Spells out one content of a planned file: its bytes, and what it says to the oracle. */
export function spellOut(file: PlannedFile, content: number): SpeltContent {
  const planned = file.contents[content];
  if (planned === undefined) throw new RangeError(`the file has no content ${content}`);
  const name = feedFileName(file.dataset, file.stamp, { brackets: file.brackets });
  const text = feedFileText(
    file.dataset,
    planned.map((row) => lineOf(file.dataset, row)),
  );
  const rows = planned.map((row, at): GoodRow | BadRow =>
    row.fault === null ? goodRow(file.dataset, row, at + 2) : { kind: 'bad', line: at + 2 },
  );
  const stamp = file.stamp.replace(/(....)(..)(..)_(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z');
  return { name, text, delivery: { name, stamp, table: TABLE_OF[file.dataset], content: text, rows } };
}

/** The order in which the loop takes a batch: parents' datasets first, then by stamp, then by name bytewise. */
export function inOrderTaken(a: SpeltContent, b: SpeltContent): number {
  const rank = (file: SpeltContent): number => TABLES.findIndex((table) => table === file.delivery.table);
  const byStamp = a.delivery.stamp < b.delivery.stamp ? -1 : Number(a.delivery.stamp > b.delivery.stamp);
  return rank(a) - rank(b) || byStamp || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

/** Feeds in which everything happens: corrections, late files, repeated keys, orphans for a while or for ever, equal stamps. */
export function feeds(): fc.Arbitrary<PlannedFile[]> {
  const row: fc.Arbitrary<PlannedRow> = fc.record({
    key: fc.nat(4),
    procedure: rarely(6, fc.constant(null), fc.nat(5)),
    visit: fc.nat(5),
    variant: fc.nat(2),
    fault: rarely(9, fc.constantFrom(...FAULTS), fc.constant(null)),
  });
  const file: fc.Arbitrary<PlannedFile> = fc.record({
    dataset: fc.constantFrom(...DATASET_NAMES),
    stamp: fc.nat(4).map((day) => `2025060${1 + day}_060000`),
    brackets: fc.boolean(),
    contents: fc.array(fc.array(row, { maxLength: 5 }), { minLength: 1, maxLength: 3 }),
  });
  return fc.uniqueArray(file, {
    minLength: 1,
    maxLength: 9,
    selector: (each) => feedFileName(each.dataset, each.stamp, { brackets: each.brackets }),
  });
}

/** One in `times` is the rare one. */
function rarely<A, B>(times: number, rare: fc.Arbitrary<A>, usual: fc.Arbitrary<B>): fc.Arbitrary<A | B> {
  return fc.oneof({ weight: times - 1, arbitrary: usual }, { weight: 1, arbitrary: rare });
}

/**
 * A larger feed of the same kinds of rows, for runs in which time matters (a process to be killed).
 * @param rowsPerFile rows of each content
 */
export function largeFeed(seed: number, files: number, rowsPerFile: number): PlannedFile[] {
  const random = createRandom(seed);
  const keys = Math.ceil((files * rowsPerFile) / 6);
  const names = new Set<string>();
  const feed: PlannedFile[] = [];
  while (feed.length < files) {
    const dataset = random.pick(DATASET_NAMES);
    const stamp = `202506${String(1 + random.below(28)).padStart(2, '0')}_060000`;
    const brackets = random.chance(0.7);
    const name = feedFileName(dataset, stamp, { brackets });
    if (names.has(name)) continue;
    names.add(name);
    const contents = Array.from({ length: random.chance(0.3) ? 2 : 1 }, () =>
      Array.from({ length: rowsPerFile }, () => randomRow(random, keys)),
    );
    feed.push({ dataset, stamp, brackets, contents });
  }
  return feed;
}

function randomRow(random: Random, keys: number): PlannedRow {
  return {
    key: random.below(keys),
    procedure: random.chance(0.1) ? null : random.below(keys),
    visit: random.below(keys),
    variant: random.below(3),
    fault: random.chance(0.02) ? random.pick(FAULTS) : null,
  };
}

const procedureKey = (key: number): string => `P${MARKER}${key}`;
const visitKey = (key: number): string => `V${MARKER}${key}`;

/** A good row by header cell, as it is sent. */
function sentRow(dataset: DatasetName, row: PlannedRow): Row {
  switch (dataset) {
    case 'Procedure':
      return {
        ProcedureID: procedureKey(row.key),
        ProcedureCode: `00${row.variant}`,
        Description: `${MARKER} "quoted" | ${row.variant}`,
        StandardCharge: `${row.variant}.5`,
      };
    case 'Visit':
      return {
        VisitID: visitKey(row.key),
        ProcedureID: procedureKey(row.procedure ?? 0),
        PatientID: `${MARKER}${row.key}`,
        PatientName: `${MARKER} ${row.variant}`,
        VisitDate: `2025-07-1${row.variant}`,
        TotalCharge: row.variant === 0 ? '' : `1234.0${row.variant}`,
      };
    case 'Transaction':
      return {
        TransactionID: `T${MARKER}${row.key}`,
        VisitID: visitKey(row.visit),
        ProcedureID: row.procedure === null ? '' : procedureKey(row.procedure),
        TransactionDate: '2025-07-20',
        TransactionType: 'Charge',
        Amount: `-0.0${row.variant}`,
        Payer: row.variant === 1 ? '' : MARKER,
      };
  }
}

const REQUIRED_DATE: Readonly<Record<DatasetName, string>> = {
  Procedure: 'EffectiveDate',
  Visit: 'VisitDate',
  Transaction: 'TransactionDate',
};
const REQUIRED: Readonly<Record<DatasetName, string>> = {
  Procedure: 'ProcedureCode',
  Visit: 'PatientID',
  Transaction: 'Amount',
};

/** The line that a planned row becomes, broken where it is to be. */
function lineOf(dataset: DatasetName, row: PlannedRow): Row | string {
  const sent = sentRow(dataset, row);
  switch (row.fault) {
    case null:
      return sent;
    case 'bad_date':
      return { ...sent, [REQUIRED_DATE[dataset]]: '2025-02-30' };
    case 'missing_key':
      return { ...sent, [COLUMNS[dataset][0]]: '' };
    case 'missing_value':
      return { ...sent, [REQUIRED[dataset]]: '' };
    case 'field_count':
      return `T${MARKER}${row.key}|cut`;
  }
}

/** What a good row says, as the tables hold it: money in cents, an empty field as NULL. */
function goodRow(dataset: DatasetName, row: PlannedRow, line: number): GoodRow {
  const sent = sentRow(dataset, row);
  const values = COLUMNS[dataset].map((header) => {
    const text = sent[header] ?? '';
    if (text === '') return null;
    return MONEY.includes(header) ? cents(text) : text;
  });
  const references = [];
  if (dataset === 'Transaction') references.push({ table: 'visits', key: visitKey(row.visit) });
  const procedure = sent['ProcedureID'] ?? '';
  if (dataset !== 'Procedure' && procedure !== '') references.push({ table: 'procedures', key: procedure });
  return { kind: 'good', line, key: sent[COLUMNS[dataset][0]] ?? '', references, values };
}

/** `-12.5` → -1250, by its digits. */
function cents(text: string): number {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const amount = Number(whole + fraction.padEnd(2, '0'));
  return text.startsWith('-') && amount !== 0 ? -amount : amount;
}
