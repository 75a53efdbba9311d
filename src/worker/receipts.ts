import fs from 'node:fs';
import path from 'node:path';
import { DatabaseFault } from '../store/database-fault.ts';
import type { Events } from '../model/events.ts';
import type { Feed } from '../model/feed.ts';
import type { FaultBook } from '../status/faults.ts';
import { toJson } from '../output/json.ts';
import { receiptOf } from '../status/receipt.ts';
import { openReader } from '../store/open.ts';
import type { StoreReader } from '../store/reader.ts';
import { makePrivateFolder } from '../system/private-files.ts';
import { systemCode } from '../system/system-error.ts';

export interface ReceiptOptions {
  /** The database. */
  readonly db: string;
  /** The folder that they are written into; made where it is not there. */
  readonly folder: string;
  readonly feed: Feed;
  readonly events: Events;
  readonly faults: FaultBook;
  readonly now: () => Date;
}

/** Where it is kept up to when the ledger's entries have their receipts. */
const CURSOR = '.landfall-receipts';
/** After a fault it is tried again after so long, in ms. */
const TRY_AGAIN_MS = 30_000;

/**
 * Writes a receipt for each file whose fate the ledger tells, from the time on at which receipts were asked for. What a process that was
 * killed has left out the next one writes: the ledger says what there is, and the folder up to when it is done.
 * @returns does what is to be done; gives when to try again, in ms, or null
 */
export function createReceipts(options: ReceiptOptions): () => Promise<number | null> {
  const { events, faults, folder, now } = options;
  const begun = now().toISOString();
  begin(folder, begun);
  let isDue = true;
  for (const name of ['file:ingested', 'file:quarantined', 'names:unread'] as const)
    events.on(name, () => {
      isDue = true;
    });
  return async () => {
    if (!isDue) return null;
    try {
      await writeDue(options, begun);
      isDue = false;
      faults.end('receipts');
      return null;
    } catch (error) {
      if (error instanceof DatabaseFault || systemCode(error) === null) throw error;
      faults.begin({
        kind: 'receipts',
        file: null,
        problem: `receipts cannot be written (${systemCode(error) ?? ''})`,
      });
      return TRY_AGAIN_MS;
    }
  };
}

/** Notes from when on receipts are due, before a file is taken. */
function begin(folder: string, begun: string): void {
  try {
    makePrivateFolder(folder);
    if (readCursor(folder) === null) writeWhole(path.join(folder, CURSOR), begun);
  } catch (error) {
    // It is met again, and told, when a receipt is due.
    if (systemCode(error) === null) throw error;
  }
}

async function writeDue({ db, folder, feed }: ReceiptOptions, begun: string): Promise<void> {
  makePrivateFolder(folder);
  const since = readCursor(folder) ?? begun;
  const reader = await openReader(db, feed);
  try {
    const until = await writeSince(reader, folder, since);
    if (until !== since) writeWhole(path.join(folder, CURSOR), until);
  } finally {
    await reader.close();
  }
}

/** @returns when the newest of them was finished */
async function writeSince(reader: StoreReader, folder: string, since: string): Promise<string> {
  let until = since;
  for await (const file of reader.files({ states: [], codes: [], name: null, since, limit: null })) {
    const receipt = await receiptOf(reader, file);
    if (file.finished_at > until) until = file.finished_at;
    if (receipt === null) continue;
    const place = path.join(folder, `${file.name}.receipt.json`);
    if (path.dirname(file.name) !== '.') makePrivateFolder(path.dirname(place));
    writeWhole(place, `${toJson(receipt, '  ')}\n`);
  }
  return until;
}

function readCursor(folder: string): string | null {
  try {
    return fs.readFileSync(path.join(folder, CURSOR), 'utf8').trim();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Whoever reads it sees all of it or none. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.new`;
  fs.writeFileSync(draft, text, { flush: true });
  fs.renameSync(draft, file);
}
