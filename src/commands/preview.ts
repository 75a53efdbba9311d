import { closeSync, constants, fstatSync, mkdirSync, openSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Writable } from 'node:stream';
import { z } from 'zod';
import { FileRefused, LandfallError } from '../model/errors.ts';
import { EXIT_REFUSED } from '../model/exit-codes.ts';
import { nameAt, readFileName } from '../feed/file-name.ts';
import { loadFeed } from '../feed/load.ts';
import { ANY_FORMAT, type Dataset, type Feed, type FeedFormat, type FileName } from '../model/feed.ts';
import type { ProtectionKey } from '../model/protection-key.ts';
import { walkFile } from '../ingest/source.ts';
import { readFeedKey } from '../protection/feed-key.ts';
import type { CommandIo } from '../system/io.ts';
import { systemCode } from '../system/system-error.ts';
import { surveyAll } from '../reader/sniff.ts';
import { openTable } from '../reader/table.ts';
import type { ReadEvent, Table } from '../reader/types.ts';
import type { Settings } from '../settings/settings.ts';
import { plainOutput, printable } from '../output/terminal.ts';
import { hang } from '../output/width.ts';
import { foretellChecks, NO_FINDINGS, type PreviewFindings } from './preview-checks.ts';
import { type Shown, shownOf } from './preview-fields.ts';
import { createRowFormat, PREVIEW_FORMATS, type RowFormat } from './preview-format.ts';
import { describeHeader, describeTotals, dialectText } from './preview-text.ts';
import { asStream, openFileSink, openSink, sendPieces, type Sink } from '../output/sink.ts';

const MOST_LINES = 1000;
const lines = z.coerce
  .number(`must be a whole number from 0 to ${MOST_LINES}`)
  .pipe(z.int(`must be a whole number from 0 to ${MOST_LINES}`).min(0).max(MOST_LINES));

/** The flags of `preview`. */
const previewFlags = z.object({
  /** One or more characters; `\t` or `tab` is a tab. */
  delimiter: z
    .string()
    .transform((text) => (text === '\\t' || text === 'tab' ? '\t' : text))
    .refine((text) => text !== '' && !/[\r\n"']/.test(text), 'must be text without quotes and line ends')
    .nullable()
    .default(null),
  quote: z.enum(['"', "'"]).nullable().default(null),
  escape: z.enum(['double', 'backslash']).nullable().default(null),
  encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']).nullable().default(null),
  newline: z.enum(['lf', 'crlf', 'cr', 'mixed']).nullable().default(null),
  /** Lines that make the header; 0: none. When given, the file is not read as a dataset of the feed. */
  headerLines: lines.nullable().default(null),
  /** Lines to leave out before the header. */
  skipLines: lines.default(0),
  format: z.literal(PREVIEW_FORMATS).default('table'),
  /** Print the fields of refused rows too, as they were split. */
  all: z.boolean().default(false),
  /** A folder to write one file each into, instead of standard output. */
  out: z.string().min(1).nullable().default(null),
});
type PreviewFlags = z.infer<typeof previewFlags>;

/** What `preview` takes. */
export interface PreviewOptions {
  readonly settings: Settings;
  readonly files: readonly string[];
  /** What stands on the command line: `previewFlags`, and others. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Where a preview goes. */
export interface PreviewIo {
  readonly stdout: Writable;
  /** Of the terminal that it is; null: it is none. */
  readonly columns?: number | null;
  readonly stderr: { write(text: string): unknown };
  /** Files that are named like one of the feed are read as its dataset. */
  readonly feed: Feed;
  /** The setting, for checks; left out: none is run. */
  readonly db?: string;
  /** Under which protected columns are shown as they would be stored; null: they are hidden. */
  readonly key?: ProtectionKey | null;
  readonly now?: () => Date;
}

/** So many refused rows are named on standard error, the others only counted. */
const REFUSED_SHOWN = 20;

/**
 * Prints files as the reader sees them; see `previewFiles`.
 * @returns 0, or 3 when a file or a row was refused
 * @throws LandfallError for a wrong option, or a file that cannot be read or written
 */
export async function preview({ settings, files, flags }: PreviewOptions, io: CommandIo): Promise<number> {
  const { stdout, stderr } = io;
  const columns = stdout.isTTY ? stdout.columns : null;
  const feed = loadFeed(settings.feed, settings.env);
  return await previewFiles(files, flags, {
    ...{ stdout: asStream(plainOutput(stdout)), columns },
    stderr: {
      write(text) {
        stderr.write(stderr.isTTY ? `${hang('', text.trimEnd(), stderr.columns)}\n` : text);
      },
    },
    ...{
      feed,
      db: settings.db,
      now: io.now,
      key: settings.keyFile === null ? null : readFeedKey(feed, settings.keyFile),
    },
  });
}

/**
 * Prints files as the reader sees them: rows as text on standard output, before any value is judged; the dialect and
 * what was refused on standard error, which holds no value of a row.
 * @param options as they were given; see `previewFlags`
 * @returns 0, or 3 when a file or a row was refused
 * @throws LandfallError for a wrong option, or a file that cannot be read or written
 */
export async function previewFiles(
  files: readonly string[],
  options: PreviewOptions['flags'],
  io: PreviewIo,
): Promise<number> {
  const parsed = previewFlags.safeParse(options);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${flagOf(issue.path.join('.'))} ${issue.message}`);
    throw new LandfallError('preview', faults.join('; '));
  }
  const given = parsed.data;
  for (const file of files) closeSync(openFile(file));
  const targets = given.out === null ? null : outputPaths(files, given.out, given);
  let clean = true;
  for (const [index, path] of files.entries()) {
    const target = targets?.[index];
    const file = target === undefined ? null : openFileSink(target);
    const sink = file ?? openSink(io.stdout, 'standard output');
    let gone: boolean;
    try {
      clean = (await previewFile(path, given, io, sink)) && clean;
      file?.finish();
    } finally {
      gone = sink.gone();
      await sink.close();
    }
    if (gone) break;
  }
  return clean ? 0 : EXIT_REFUSED;
}

/** An option as it stands on the command line. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** One output file for each input, in the folder. */
function outputPaths(files: readonly string[], folder: string, { format }: PreviewFlags): string[] {
  const paths = files.map((file) => join(folder, `${basename(file)}.${format === 'table' ? 'txt' : format}`));
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) {
    throw new LandfallError('preview', 'two files would be written to it', {
      file: twice,
      hint: 'preview them one at a time',
    });
  }
  // What is written is patient data.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return paths;
}

/** Prints one file; false when it, or a row of it, was refused. */
async function previewFile(file: string, given: PreviewFlags, io: PreviewIo, sink: Sink): Promise<boolean> {
  const name = printable(basename(file));
  const say = (text: string): void => void io.stderr.write(`${name}: ${text}\n`);
  const named = readFileName(io.feed, nameAt(io.feed, file));
  const dataset = given.headerLines === null && named.kind === 'taken' ? named.dataset : null;
  const handle = openFile(file);
  try {
    const { table, refusal } = open(handle, given, io.feed, dataset);
    if (refusal !== null) say(`${refusal.code}: ${printable(refusal.message)}`);
    if (table === null) return false;
    say(`${dialectText(table.dialect)}; ${describeHeader(table, refusal === null ? dataset : null)}`);
    const { feed, key = null, now = () => new Date() } = io;
    const readAs = refusal === null ? dataset : null;
    const candidates = candidatesOf(named, feed);
    const shown = shownOf(table, { dataset: readAs, candidates, format: feed.format, key, now: now() });
    if (shown.hint !== null) say(shown.hint);
    const refused = await printRows(table, shown, given, {
      sink,
      columns: given.out === null ? (io.columns ?? null) : null,
      say,
    });
    if (sink.gone()) return true;
    say(describeTotals(table.totals(), refused));
    const findings = readAs === null ? NO_FINDINGS : await checkRows(handle, given, io, readAs);
    for (const line of findings.lines) say(line);
    return refusal === null && refused === 0 && !findings.isHeld;
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    say(`${error.code}: ${printable(error.message)}`);
    return false;
  } finally {
    closeSync(handle);
  }
}

/** Runs the checks of the dataset, unless the file is read in another way than an ingest would read it. */
async function checkRows(
  handle: number,
  given: PreviewFlags,
  { feed, db, key = null, now = () => new Date() }: PreviewIo,
  dataset: Dataset,
): Promise<PreviewFindings> {
  const { delimiter, quote, escape, encoding, newline, skipLines } = given;
  const isReadOtherwise = [delimiter, quote, escape, encoding, newline].some((one) => one !== null) || skipLines > 0;
  if (db === undefined || isReadOtherwise) return NO_FINDINGS;
  return await foretellChecks({ feed, dataset, db, key, now: now(), bytes: () => walkFile(handle, Infinity).chunks });
}

/** The dataset that a file is named as; all of the feed, where its name only comes near. */
function candidatesOf(named: FileName, feed: Feed): readonly Dataset[] {
  if (named.kind === 'taken') return [named.dataset];
  return named.kind === 'foreign' ? [] : feed.datasets;
}

/** The file as a table of its dataset; where it is none, as any delimited file, with what is wrong with it. */
function open(
  handle: number,
  given: PreviewFlags,
  feed: Feed,
  dataset: Dataset | null,
): { table: Table | null; refusal: FileRefused | null } {
  const base = dataset === null ? ANY_FORMAT : feed.format;
  const format: FeedFormat = {
    ...base,
    delimiter: given.delimiter ?? base.delimiter,
    quote: given.quote ?? base.quote,
    escape: given.escape ?? base.escape,
    encoding: given.encoding ?? base.encoding,
  };
  const { newline, skipLines, headerLines } = given;
  const bytes = (): Iterable<Uint8Array> => walkFile(handle, Infinity).chunks;
  const survey = surveyAll(bytes(), format);
  const read = (as: Dataset | null): Table =>
    openTable(bytes(), { dataset: as, format, survey, newline, skipLines, headerLines: headerLines ?? 1 });
  try {
    return { table: read(dataset), refusal: null };
  } catch (refusal) {
    if (!(refusal instanceof FileRefused)) throw refusal;
    const isText = dataset !== null && survey.notText === null && survey.bytes > 0;
    return { table: isText ? read(null) : null, refusal };
  }
}

/** Prints the rows and names the refused ones; gives how many there were. */
async function printRows(
  table: Table,
  shownAs: Shown,
  given: PreviewFlags,
  { sink, columns, say }: { sink: Sink; columns: number | null; say: (text: string) => void },
): Promise<number> {
  let refused = 0;
  let format = null as RowFormat | null;
  const begin = async (first: readonly ReadEvent[]): Promise<RowFormat> => {
    const begun = createRowFormat(given.format, shownAs.cells, first.map(shownAs.row), columns);
    await sink.send(begun.head);
    return begun;
  };
  for (const batch of table.batches()) {
    format ??= await begin(batch);
    for (const event of batch) {
      if (event.kind === 'refused' && ++refused <= REFUSED_SHOWN)
        say(`line ${event.line}: ${event.code}: ${event.reason}`);
    }
    const shown = batch.values().filter((event) => event.kind === 'row' || given.all);
    const { row } = format;
    await sendPieces(
      sink,
      shown.map((event) => row(shownAs.row(event))),
    );
    if (sink.gone()) return refused;
  }
  if (format === null) await begin([]);
  if (refused > REFUSED_SHOWN) say(`… and ${refused - REFUSED_SHOWN} more refused rows`);
  return refused;
}

/** @throws LandfallError unless it is a file that can be read twice */
function openFile(file: string): number {
  let handle: number;
  try {
    // A pipe that nobody writes to is not waited for.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new LandfallError('preview', `it cannot be opened (${systemCode(cause) ?? 'unknown'})`, { file, cause });
  }
  if (!fstatSync(handle).isFile()) {
    closeSync(handle);
    throw new LandfallError('preview', 'it is not a regular file', {
      file,
      hint: 'it is read twice: save it to a file first',
    });
  }
  return handle;
}
