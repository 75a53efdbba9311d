import path from 'node:path';
import { loadFeed } from '../feed/load.ts';
import { LandfallError } from '../model/errors.ts';
import { EXIT_REFUSED } from '../model/exit-codes.ts';
import type { Settings } from '../settings/settings.ts';
import { toJson } from '../output/json.ts';
import { receiptOf, receiptText } from '../status/receipt.ts';
import { openReader } from '../store/open.ts';
import type { StoreReader } from '../store/reader.ts';
import type { CommandIo } from '../system/io.ts';

/** What `report` takes. */
export interface ReportOptions {
  readonly settings: Settings;
  /** A file's name; of a path the last part. */
  readonly name: string;
  readonly json: boolean;
}

/**
 * Says what became of a file, as the sender's people need it: counts, lines and codes, no value from a row (P8).
 * @returns 0, or 3 where it was refused or is held, or rows of it were rejected
 * @throws LandfallError where the ledger does not have it, or cannot be read
 */
export async function report({ settings, name, json }: ReportOptions, io: CommandIo): Promise<number> {
  const reader = await openReader(settings.db, loadFeed(settings.feed, settings.env));
  try {
    const receipt = (await find(reader, name)) ?? (await find(reader, path.basename(name)));
    if (receipt === null)
      throw new LandfallError('report', 'the ledger has no file of this name that was taken, refused or held', {
        file: name,
        hint: 'landfall files --file TEXT looks for a part of the name',
      });
    io.stdout.write(json ? `${toJson(receipt, '  ')}\n` : receiptText(io.stdout, receipt));
    return receipt.outcome !== 'ingested' || receipt.rows.rejected > 0 ? EXIT_REFUSED : 0;
  } finally {
    await reader.close();
  }
}

async function find(reader: StoreReader, name: string): ReturnType<typeof receiptOf> {
  // The newest comes first.
  for await (const file of reader.files({ states: [], codes: [], name, since: null, limit: null }))
    if (file.name === name) return await receiptOf(reader, file);
  return null;
}
