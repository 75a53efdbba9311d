import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { headerKey } from '../feed/header.ts';
import { walkFile } from '../ingest/source.ts';
import { FileRefused, LandfallError } from '../model/errors.ts';
import { ANY_FORMAT } from '../model/feed.ts';
import { surveyAll } from '../reader/sniff.ts';
import { openTable } from '../reader/table.ts';
import { systemCode } from '../system/system-error.ts';
import { guessNames } from './file-names.ts';

/** Sample files, by dataset. */
export interface Samples {
  /** The pattern of their names. */
  readonly pattern: string;
  readonly datasets: readonly DatasetSample[];
  /** Files that are no samples, with why. */
  readonly leftOut: readonly string[];
}

/** The files of one dataset. */
export interface DatasetSample {
  readonly name: string;
  /** The header cells of all files, each once, in the order in which they came. */
  readonly headers: readonly string[];
  /** The headers that some file lacks. */
  readonly missing: ReadonlySet<string>;
  /** For each file its rows, with a field for each header; empty where the file has none. Never to be printed (P8). */
  readonly files: readonly (readonly (readonly string[])[])[];
  readonly rows: number;
}

/** So many rows of a dataset say enough. */
const MOST_ROWS = 50_000;
const EXTENSIONS = ['.csv', '.txt', '.tsv', '.psv', '.dat', '.tab'];

/**
 * Reads sample files: those that are named, and those in the folders that are named.
 * @throws LandfallError where there are none, their names follow no pattern, or one cannot be read as a table
 */
export function readSamples(given: readonly string[]): Samples {
  const { root, files, leftOut } = listFiles(given);
  if (files.length === 0) {
    throw new LandfallError('init', 'there is no file to make a proposal from', {
      hint: `name files, or a folder of files that end in ${EXTENSIONS.join(', ')}`,
    });
  }
  const names = guessNames(files.map((file) => path.relative(root, file).split(path.sep).join('/')));
  if (names === null) {
    throw new LandfallError('init', 'the names of the files follow more than one pattern', {
      hint: 'name only files of one feed, which differ by dataset, stamp and number',
    });
  }
  const datasets = [...names.datasets].map(([name, paths]) => readDataset(name, paths.toSorted(), root, leftOut));
  return { pattern: names.pattern, datasets, leftOut };
}

function listFiles(given: readonly string[]): { root: string; files: string[]; leftOut: string[] } {
  const leftOut: string[] = [];
  const found = given.map((one) => {
    const full = path.resolve(one);
    let isFolder: boolean;
    try {
      isFolder = statSync(full).isDirectory();
    } catch (cause) {
      throw new LandfallError('init', `it cannot be read (${systemCode(cause) ?? 'unknown'})`, { file: one, cause });
    }
    if (!isFolder) return { root: path.dirname(full), files: [full] };
    const names = readdirSync(full, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const files = names
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => {
        if (path.relative(full, file).split(path.sep).some((part) => part.startsWith('.'))) return false; // prettier-ignore
        if (EXTENSIONS.includes(path.extname(file).toLowerCase())) return true;
        leftOut.push(`${path.relative(full, file)}: none of ${EXTENSIONS.join(', ')}`);
        return false;
      });
    return { root: full, files };
  });
  const [first, ...others] = found.map((one) => one.root);
  let root = first ?? '';
  for (const other of others) while (!isWithin(other, root)) root = path.dirname(root);
  return { root, files: [...new Set(found.flatMap((one) => one.files))].sort(), leftOut };
}

function isWithin(folder: string, root: string): boolean {
  const below = path.relative(root, folder);
  return below === '' || (!below.startsWith('..') && !path.isAbsolute(below));
}

function readDataset(name: string, paths: readonly string[], root: string, leftOut: string[]): DatasetSample {
  const headers = new Map<string, string>();
  const tables: { cells: readonly string[]; rows: readonly (readonly string[])[] }[] = [];
  let rows = 0;
  for (const file of paths) {
    if (rows >= MOST_ROWS) break;
    try {
      const table = readTable(path.join(root, file), MOST_ROWS - rows);
      for (const cell of table.cells) if (!headers.has(headerKey(cell))) headers.set(headerKey(cell), cell);
      tables.push(table);
      rows += table.rows.length;
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      leftOut.push(`${file}: ${error.message}`);
    }
  }
  if (rows === 0) {
    const why = leftOut.find((line) => paths.some((file) => line.startsWith(`${file}: `)));
    throw new LandfallError('init', `no file of ${name} has a row${why === undefined ? '' : ` (${why})`}`, {
      hint: 'a proposal is made from files with a header and rows',
    });
  }
  const keys = [...headers.keys()];
  const places = tables.map(({ cells }) => keys.map((key) => cells.findIndex((cell) => headerKey(cell) === key)));
  return {
    name,
    headers: [...headers.values()],
    missing: new Set(
      keys.flatMap((key, at) => (places.some((place) => place[at] === -1) ? [headers.get(key) ?? ''] : [])),
    ),
    files: tables.map(({ rows }, at) =>
      rows.map((row) => (places[at] ?? []).map((place) => (row[place] ?? '').trim())),
    ),
    rows,
  };
}

/** @throws FileRefused where it is no table with a header */
function readTable(file: string, most: number): { cells: readonly string[]; rows: readonly (readonly string[])[] } {
  const handle = openSync(file, 'r');
  try {
    const survey = surveyAll(walkFile(handle, Infinity).chunks, ANY_FORMAT);
    const table = openTable(walkFile(handle, Infinity).chunks, { dataset: null, format: ANY_FORMAT, survey });
    const cells = table.header.cells.map((cell) => cell.trim());
    if (!cells.every(isName)) throw new FileRefused('no_header', 'its first line is no header: it holds values');
    if (new Set(cells.map(headerKey)).size < cells.length)
      throw new FileRefused('duplicate_column', 'a column stands twice in its header');
    const rows: (readonly string[])[] = [];
    for (const batch of table.batches()) {
      for (const event of batch) if (event.kind === 'row' && rows.length < most) rows.push(event.fields);
      if (rows.length >= most) break;
    }
    return { cells, rows };
  } finally {
    closeSync(handle);
  }
}

/** Whether a cell may be the name of a column: it has letters, and hardly digits. What is none may be a patient's (P8). */
function isName(cell: string): boolean {
  return cell.length <= 80 && /\p{L}/u.test(cell) && cell.replace(/\D/g, '').length <= 3;
}
