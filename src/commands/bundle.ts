import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { versions } from 'node:process';
import { gzipSync } from 'node:zlib';
import { readAlerts } from '../alerts/alert-file.ts';
import { loadFeed } from '../feed/load.ts';
import { dryRun } from '../ingest/dry-run.ts';
import { lookAlike } from '../ingest/look-alike.ts';
import { listNamed } from '../landing/list-named.ts';
import { LandfallError } from '../model/errors.ts';
import type { Feed } from '../model/feed.ts';
import { tar, type TarEntry } from '../output/tar.ts';
import { printable } from '../output/terminal.ts';
import { readSettings, settingsInForce, type SettingSources } from '../settings/read-settings.ts';
import type { Settings } from '../settings/settings.ts';
import { heartbeatPlace } from '../status/heartbeat.ts';
import { readReport } from '../status/read-report.ts';
import { reportForJson } from '../status/report.ts';
import { openRehearsal } from '../store/open.ts';
import type { FileRow, StoreReader } from '../store/reader.ts';
import type { CommandIo } from '../system/io.ts';
import { storePlace } from '../worker/database-session.ts';
import { schema } from './schema.ts';

/** What `bundle` takes. */
export interface BundleOptions {
  readonly sources: SettingSources;
  /** The file that is written; null: `landfall-bundle-TIME.tar.gz` in the working folder. */
  readonly out: string | null;
  /** A log whose end is put in; null: none. */
  readonly log: string | null;
}

/** Entries of the ledger that are put in, the newest. */
const MOST_FILES = 10_000;
/** Of the log, in bytes. */
const LOG_TAIL = 1024 * 1024;
/** Look-alikes are made of so many files, and of none that is larger, in bytes. */
const MOST_ALIKE = 10;
const LARGEST_ALIKE = 4 * 1024 * 1024;

/**
 * Writes what whoever helps needs to know: versions, settings, the feed and its tables, where things stand, the ledger, what people were
 * told, the end of the log, and for refused files look-alikes that are refused for the same reason. No value from a row (P8), no secret.
 * @returns 0
 * @throws LandfallError where settings or feed are wrong, there is neither a daemon nor a database, or the file cannot be written
 */
export async function bundle({ sources, out, log }: BundleOptions, io: CommandIo): Promise<number> {
  const settings = readSettings(sources);
  const feed = loadFeed(settings.feed, settings.env);
  await using opened = new AsyncDisposableStack();
  const now = io.now();
  const { report, reader } = await readReport({ settings, version: io.program.version, now, most: 1_000 }, opened);
  const files = reader === null ? [] : await ledger(reader);
  const text = (name: string, content: string): TarEntry => ({ name, content: Buffer.from(content) });
  const json = (name: string, content: unknown): TarEntry => text(name, `${JSON.stringify(content, null, 2)}\n`);
  const entries = [
    json('about.json', about(io, now)),
    json('settings.json', settingsInForce(sources)),
    text('schema.sql', await printed((captured) => schema({ settings, action: 'print' }, captured), io)),
    // Of the last file its header cells would be told.
    json('status.json', reportForJson(report, { last_file: undefined })),
    json('ledger.json', files.map(withoutCells)),
    json('alerts.json', [...readAlerts(heartbeatPlace(settings)).values()]),
    ...(log === null ? [] : [text('log-tail.txt', tailOf(log))]),
    ...(await lookAlikes(files, settings, feed, io)),
  ];
  const file = path.resolve(
    io.cwd,
    out ?? `landfall-bundle-${now.toISOString().slice(0, 19).replaceAll(':', '')}.tar.gz`,
  );
  write(file, gzipSync(tar(entries, now)));
  io.stdout.write(`wrote ${printable(file)}: ${entries.map(({ name }) => name).join(', ')}\n`);
  return 0;
}

function about({ program }: CommandIo, now: Date): object {
  const { node, v8 } = versions;
  const memory = { bytes: os.totalmem(), free: os.freemem() };
  return {
    landfall: program.version,
    node,
    v8,
    platform: os.platform(),
    arch: os.arch(),
    release: os.release(),
    cpus: os.cpus().length,
    memory,
    at: now.toISOString(),
  };
}

async function ledger(reader: StoreReader): Promise<FileRow[]> {
  return await Array.fromAsync(reader.files({ states: [], codes: [], name: null, since: null, limit: MOST_FILES }));
}

/** Header cells that no column takes may be values. */
function withoutCells({ extra, ...file }: FileRow): object {
  return { ...file, extra: extra?.length ?? 0 };
}

async function printed(run: (io: CommandIo) => Promise<number>, io: CommandIo): Promise<string> {
  let text = '';
  const write: CommandIo['stdout']['write'] = (part, taken) => {
    text += part;
    taken?.();
  };
  try {
    await run({ ...io, stdout: { ...io.stdout, write, isTTY: false, colour: false } });
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    text = `-- ${error.message}\n`;
  }
  return text;
}

function tailOf(log: string): string {
  try {
    const bytes = fs.readFileSync(log);
    const tail = bytes.subarray(Math.max(0, bytes.length - LOG_TAIL)).toString();
    return bytes.length > LOG_TAIL ? tail.slice(tail.indexOf('\n') + 1) : tail;
  } catch (cause) {
    throw new LandfallError('read log', 'it cannot be read', { file: log, cause });
  }
}

/** Of refused files that still lie there, those whose look-alike is refused with the same code. */
async function lookAlikes(
  files: readonly FileRow[],
  settings: Settings,
  feed: Feed,
  io: CommandIo,
): Promise<TarEntry[]> {
  const refused = files.filter(({ state, revision }) => state === 'quarantined' && revision > 0).slice(0, MOST_ALIKE);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'landfall-bundle-'));
  try {
    const found: TarEntry[] = [];
    for (const file of refused) {
      const content = await lookAlikeOf(file, { folder, settings, feed, io });
      if (content !== null)
        found.push({
          name: `look-alikes/${String(found.length + 1).padStart(2, '0')}-${file.reason_code ?? ''}.txt`,
          content,
        });
    }
    return found;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

interface Alike {
  readonly folder: string;
  readonly settings: Settings;
  readonly feed: Feed;
  readonly io: CommandIo;
}

async function lookAlikeOf(
  { name, dataset: datasetName, reason_code: code }: FileRow,
  { folder, settings, feed, io }: Alike,
): Promise<Buffer | null> {
  const dataset = feed.datasets.find((one) => one.name === datasetName);
  const original = path.join(settings.landing, name);
  const stat = fs.lstatSync(original, { throwIfNoEntry: false });
  if (dataset === undefined || stat?.isFile() !== true || stat.size > LARGEST_ALIKE) return null;
  const content = lookAlike(fs.readFileSync(original), dataset);
  const copy = path.join(folder, path.basename(name));
  fs.writeFileSync(copy, content, { mode: 0o600 });
  const { files } = listNamed(feed, [copy]);
  const rehearsal = await openRehearsal(storePlace(settings, io, feed));
  try {
    const options = { afresh: true, stop: io.stop, onProgress: () => undefined, now: io.now };
    for await (const { outcome } of dryRun(rehearsal, files, options))
      if (outcome.kind === 'quarantined' && outcome.code === code) return content;
    return null;
  } catch (error) {
    if (error instanceof LandfallError) return null;
    throw error;
  } finally {
    await rehearsal.close();
  }
}

function write(file: string, bytes: Uint8Array): void {
  try {
    fs.writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new LandfallError('write bundle', 'it cannot be written, or is there already', {
      file,
      hint: 'name another with --out',
      cause,
    });
  }
}
