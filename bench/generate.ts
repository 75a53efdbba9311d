import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COLUMNS, feedFileName, type DatasetName } from '../test/helpers/feed-files.ts';
import { createRandom, type Random } from '../test/helpers/random.ts';

/** How many keys there are for references to be drawn from. */
export interface Universe {
  readonly procedures: number;
  readonly visits: number;
}

/** A run of transactions: keys `from` up to `from + count`. */
export interface Transactions extends Universe {
  readonly from: number;
  readonly count: number;
  /** The share (0–1) of rows that restate, with another amount and date, a key drawn from those before `from`. */
  readonly restated?: number;
  /** The share (0–1) of rows whose amount differs from that of the same file made with 0. */
  readonly changed?: number;
}

/** Where generated files are kept between runs; safe to delete. */
export const CACHE = join(tmpdir(), 'landfall-bench');

/** Part of every cache key: raise it when the same options make other bytes. */
const GENERATION = 2;

/** All files are this old, so that none waits to settle. */
const MODIFIED = new Date('2025-06-01T00:00:00Z');

const BLOCK_CHARACTERS = 1 << 20;

/** A file of procedures, one for each key. */
export function procedureFile(universe: Universe, stamp = '20250601_000000'): string {
  return kept('Procedure', stamp, `${universe.procedures}`, function* (random) {
    for (let key = 0; key < universe.procedures; key += 1) {
      yield `${procedureKey(key)}|${10000 + (key % 90000)}|CPT|Procedure number ${key}, as priced|${money(random, 5000)}|2025-01-01\n`;
    }
  });
}

/** A file of visits, one for each key. */
export function visitFile(universe: Universe, stamp = '20250601_010000'): string {
  return kept('Visit', stamp, `${universe.procedures}-${universe.visits}`, function* (random) {
    for (let key = 0; key < universe.visits; key += 1) {
      const date = day(random);
      yield (
        `${visitKey(key)}|${procedureKey(random.below(universe.procedures))}|M${10_000_000 + random.below(5_000_000)}|` +
        `Patient Number${random.below(100_000)}|19${10 + random.below(90)}-0${1 + random.below(9)}-1${random.below(10)}|` +
        `555-01${10 + random.below(90)}|${random.below(9999)} Main Street, Springfield|Outpatient|${date}|${date}|` +
        `North Clinic|Dr. Number${random.below(400)}|${money(random, 9000)}|Billed\n`
      );
    }
  });
}

/** A file of transactions that refer at random to the universe's visits and procedures. */
export function transactionFile(options: Transactions, stamp = '20250601_020000'): string {
  const { from, count, procedures, visits, restated = 0, changed = 0 } = options;
  const key = [procedures, visits, from, count, restated, changed].join('-');
  return kept('Transaction', stamp, key, function* (random) {
    const changes = createRandom(7);
    for (let at = 0; at < count; at += 1) {
      const old = changes.chance(restated);
      const id = old ? changes.below(from) : from + at;
      const cents = changes.chance(changed) || old ? '.99' : '.50';
      const date = day(random);
      yield (
        `T${String(id).padStart(9, '0')}|${visitKey(scatter(id, 1) % visits)}|${procedureKey(scatter(id, 2) % procedures)}|` +
        `${date}|${date}|Charge|${random.below(3000)}${cents}|Blue Cross|Facility charge ${random.below(1000)}\n`
      );
    }
  });
}

/** Makes `files` files of `rowsPerFile` transactions each, kept in one folder; gives the folder. */
export function manyTransactionFiles(universe: Universe, files: number, rowsPerFile: number): string {
  const folder = join(CACHE, `many-${GENERATION}-${universe.visits}-${universe.procedures}-${files}x${rowsPerFile}`);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const random = createRandom(11);
  const start = Date.parse('2024-01-01T00:00:00Z');
  for (let file = 0; file < files; file += 1) {
    const stamp = new Date(start + file * 60_000).toISOString().slice(0, 19).replace('T', '_').replaceAll(/[-:]/g, '');
    const path = join(partial, feedFileName('Transaction', stamp));
    const lines = Array.from({ length: rowsPerFile }, (_, row) => {
      const date = day(random);
      return (
        `S${String(file * rowsPerFile + row).padStart(9, '0')}|${visitKey(random.below(universe.visits))}|` +
        `${procedureKey(random.below(universe.procedures))}|${date}|${date}|Charge|${money(random, 3000)}|Blue Cross|Facility charge\n`
      );
    });
    const handle = openSync(path, 'w');
    writeSync(handle, `${COLUMNS.Transaction.join('|')}\n${lines.join('')}`);
    closeSync(handle);
    utimesSync(path, MODIFIED, MODIFIED);
  }
  renameSync(partial, folder);
  return folder;
}

/** Writes a file into the cache, streaming, unless it is there. */
function kept(dataset: DatasetName, stamp: string, key: string, lines: (random: Random) => Iterable<string>): string {
  const folder = join(CACHE, `${dataset}-${GENERATION}-${key}`);
  const path = join(folder, feedFileName(dataset, stamp));
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const handle = openSync(`${path}.partial`, 'w');
  let block = `${COLUMNS[dataset].join('|')}\n`;
  for (const line of lines(createRandom(1))) {
    block += line;
    if (block.length < BLOCK_CHARACTERS) continue;
    writeSync(handle, block);
    block = '';
  }
  writeSync(handle, block);
  closeSync(handle);
  renameSync(`${path}.partial`, path);
  utimesSync(path, MODIFIED, MODIFIED);
  return path;
}

/** A number of 32 bits that follows from a key and looks like chance: a transaction that is restated is still of its visit. */
function scatter(key: number, salt: number): number {
  let bits = Math.imul(key + 1, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

function procedureKey(key: number): string {
  return `P${String(key).padStart(6, '0')}`;
}

function visitKey(key: number): string {
  return `V${String(key).padStart(8, '0')}`;
}

function day(random: Random): string {
  return `2025-0${1 + random.below(5)}-${10 + random.below(19)}`;
}

function money(random: Random, dollars: number): string {
  return `${random.below(dollars)}.${10 + random.below(90)}`;
}
