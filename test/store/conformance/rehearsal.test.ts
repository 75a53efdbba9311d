import { expect, test } from 'vitest';
import { type DryRun, dryRun } from '../../../src/ingest/dry-run.ts';
import { LandfallError } from '../../../src/model/errors.ts';
import type { ListedFile } from '../../../src/model/listed-file.ts';
import { databaseIsThere, openReader, openRehearsal } from '../../../src/store/open.ts';
import type { StorePlace } from '../../../src/store/ownership.ts';
import { type DatasetName, type Row, feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { procedure, visit } from '../../helpers/rows.ts';
import { type ReadDesk, describeReadStores } from './reading.ts';

/** What a dry run of the files brings, its lists read. */
async function tryFiles(place: StorePlace, files: readonly ListedFile[]) {
  const rehearsal = await openRehearsal(place);
  try {
    const now = (): Date => new Date('2026-08-10T12:00:00Z');
    const options = { afresh: false, stop: new AbortController().signal, onProgress: () => undefined, now };
    return await Array.fromAsync(dryRun(rehearsal, files, options), read);
  } finally {
    await rehearsal.close();
  }
}

async function read({ outcome, report }: DryRun) {
  if (report === null) return { outcome, report };
  const { updates, rejected, waiting, heals } = report;
  return {
    outcome,
    report: {
      updates: await Array.fromAsync(updates),
      rejected: await Array.fromAsync(rejected),
      waiting: await Array.fromAsync(waiting),
      heals,
    },
  };
}

function write(desk: ReadDesk, dataset: DatasetName, stamp: string, rows: readonly (Row | string)[]): ListedFile {
  return desk.write(feedFileName(dataset, stamp), feedFileText(dataset, rows));
}

describeReadStores('a rehearsal', (open) => {
  test('foretells what the ingest does, file after file, and leaves the database as it was', async () => {
    const desk = await open();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P9'), visit('V2', 'P1')]);
    const files = [
      write(desk, 'Procedure', '20260802_060000', [procedure('P1', 'second'), procedure('P9'), 'P3|C1|||dear|']),
      write(desk, 'Visit', '20260802_060000', [visit('V3', 'P8'), visit('V4', 'P9')]),
    ];
    const reader = await openReader(desk.place.db, desk.feed);
    const before = await reader.status(20);
    const foretold = await tryFiles(desk.place, files);
    expect(await reader.status(20)).toEqual(before);
    await reader.close();
    expect(foretold.map(({ report }) => report)).toEqual([
      {
        updates: [{ line: 2, columns: ['description'] }],
        rejected: [
          { line: 4, code: 'bad_money', column: 'standard_charge_cents', reason: expect.any(String) as string },
        ],
        waiting: [],
        heals: [{ dataset: 'Visit', rows: 1 }],
      },
      { updates: [], rejected: [], waiting: [{ line: 2, parentTable: 'procedures', parentKey: 'P8' }], heals: [] },
    ]);
    for (const [at, file] of files.entries()) {
      const outcome = await desk.ingest(file);
      expect({ ...foretold[at]?.outcome, ms: 0 }).toEqual({ ...outcome, ms: 0 });
    }
  });

  test('P7: holds up nobody who writes, and stands still while they do', async () => {
    const desk = await open();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const rehearsal = await openRehearsal(desk.place);
    await rehearsal.copy([]);
    expect(await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')])).toMatchObject({ kind: 'ingested' });
    expect(await rehearsal.store.latestRevision(feedFileName('Visit', '20260801_060000'))).toBeNull();
    await rehearsal.close();
  });

  test('where there is no database yet, an empty one stands in for it, and none is made', async () => {
    const desk = await open();
    const file = write(desk, 'Visit', '20260801_060000', [visit('V1', 'P1')]);
    expect(await tryFiles(desk.nowhere, [file])).toMatchObject([
      { outcome: { kind: 'ingested', counts: { read: 1, waiting: 1 } }, report: { waiting: [{ line: 2 }] } },
    ]);
    expect([await databaseIsThere(desk.place.db), await databaseIsThere(desk.nowhere.db)]).toEqual([true, false]);
  });

  test('a database of another feed is refused', async () => {
    const desk = await open();
    const { place, feed } = desk;
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await expect(openRehearsal({ ...place, feed: { ...feed, name: 'other' } })).rejects.toThrow(LandfallError);
  });
});
