import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openArchive } from '../../../src/archive/archive.ts';
import { settleDrafts } from '../../../src/archive/settle-drafts.ts';
import type { Store } from '../../../src/store/store.ts';
import { filesIn } from '../../campaign/compare-archive.ts';
import { feedFileName, feedFileText } from '../../helpers/feed-files.ts';
import { createStoreDesk } from '../../helpers/ingest.ts';
import { openServer, serverSuite } from '../../helpers/postgres-store.ts';
import { describePostgres } from '../../helpers/postgres.ts';
import { procedure } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

const NAME = feedFileName('Procedure', '20260801_060000');
const COPY = /\/HospitalABC.*\.zst$/;
const DRAFT = /\/\.HospitalABC.*\.part$/;

class Died extends Error {}

/** Has a store read a file into an archive, and "die" of it: when its copy is durable, or when its rows are committed. */
async function dieOf(store: Store, folder: string, moment: 'copied' | 'committed'): Promise<void> {
  const landing = join(tempFolder(), 'landing');
  mkdirSync(landing);
  let asked = 0;
  const dying: Store = {
    ...store,
    openCopies: () => (++asked > 1 ? Promise.reject(new Died()) : store.openCopies()),
  };
  const archive = openArchive(folder, (at) => {
    if (at === moment) throw new Died();
  });
  const desk = createStoreDesk(dying, landing);
  const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
  await expect(desk.ingest(file, { keeping: { kind: 'copy', archive, behind: null } })).rejects.toThrow(Died);
  expect(filesIn(folder)).toEqual([expect.stringMatching(DRAFT)]);
}

/** What a daemon does when it starts, and before each file. */
async function settle(store: Store, folder: string): Promise<void> {
  await settleDrafts(openArchive(folder), store);
}

describePostgres('P6: the archives of several daemons on one database', () => {
  const openDesk = serverSuite();

  /** A daemon that has died in the middle of a file, whose archive is `folder`, and another one. */
  async function twoDaemons(moment: 'copied' | 'committed') {
    const { place, store: other, client } = await openDesk();
    const store = await openServer(place);
    const folder = tempFolder();
    await dieOf(store, folder, moment);
    return { place, store, other, client, folder };
  }

  test.each([
    ['copied', true, []],
    ['copied', false, []],
    ['committed', true, [expect.stringMatching(COPY)]],
    ['committed', false, [expect.stringMatching(COPY)]],
  ] as const)('a draft (%s) of one that lives is left to it (one archive: %s)', async (moment, shared, after) => {
    const { store, other, folder } = await twoDaemons(moment);
    onTestFinished(() => store.close());
    await settle(other, shared ? folder : tempFolder());
    expect(filesIn(folder)).toEqual([expect.stringMatching(DRAFT)]);
    await settle(store, folder);
    expect(filesIn(folder)).toEqual(after);
    expect(await other.openCopies()).toEqual([]);
  });

  test.each([
    ['copied', [expect.stringMatching(DRAFT)], []],
    ['committed', [expect.stringMatching(COPY)], [expect.stringMatching(COPY)]],
  ] as const)(
    'a draft (%s) of one that is silent gets its name if its rows are in, and is left to it if not: it may wake up',
    async (moment, meanwhile, after) => {
      const { store, other, client, folder } = await twoDaemons(moment);
      onTestFinished(() => store.close());
      await client.query(`UPDATE daemons SET beat_at = beat_at - interval '1 minute'`);
      await settle(other, tempFolder());
      expect(filesIn(folder)).toEqual([expect.stringMatching(DRAFT)]);
      await settle(other, folder);
      expect(filesIn(folder)).toEqual(meanwhile);
      await settle(store, folder);
      expect(filesIn(folder)).toEqual(after);
      expect(await store.openCopies()).toEqual([]);
    },
  );

  test.each([
    ['copied', []],
    ['committed', [expect.stringMatching(COPY)]],
  ] as const)(
    'a draft (%s) of one that has ended is settled by whoever has its archive, and nobody else',
    async (moment, after) => {
      const { place, store, other, folder } = await twoDaemons(moment);
      await store.close();
      // Neither an archive of its own keeps it from working, nor one that is not made yet.
      await settle(other, tempFolder());
      await settle(other, join(tempFolder(), 'none'));
      expect(filesIn(folder)).toEqual([expect.stringMatching(DRAFT)]);
      const next = await openServer(place);
      onTestFinished(() => next.close());
      await settle(next, folder);
      expect(filesIn(folder)).toEqual(after);
      expect(await other.openCopies()).toEqual([]);
    },
  );
});
