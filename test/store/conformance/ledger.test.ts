import { expect, test } from 'vitest';
import type { LedgerEntry, UnreadName } from '../../../src/model/ledger.ts';
import type { AttemptedContent } from '../../../src/store/attempts.ts';
import type { Store } from '../../../src/store/store.ts';
import { feedFileName } from '../../helpers/feed-files.ts';
import { procedure } from '../../helpers/rows.ts';
import { type Desk, desksOn } from './desk.ts';
import { STORES } from './stores.ts';

const NOW = new Date('2026-08-10T12:00:00Z');
const STAT = { bytes: 7, mtimeNs: 1n, ctimeNs: 2n, inode: 3n };
const NAME = feedFileName('Procedure', '20260801_060000');

const unread = (name: string): UnreadName => ({
  ...{ name, state: 'unrecognised', code: 'bad_name', reason: 'r', dataset: null, stamp: null, stat: STAT },
});

/** Rolls a transaction back with what it was asked. */
class Answered extends Error {
  readonly answer: unknown;

  constructor(answer: unknown) {
    super('answered');
    this.answer = answer;
  }
}

async function entriesOf(store: Store): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for await (const entry of store.latestRevisions()) entries.push(entry);
  return entries;
}

for (const tested of STORES) {
  tested.describe(`${tested.name}: the ledger`, () => {
    const openDesk = desksOn(tested);
    const twice = async (desk: Desk): Promise<void> => {
      for (const description of ['first', 'second'])
        await desk.deliver('Procedure', '20260801_060000', [procedure('P1', description)]);
    };

    test('tells the latest revision of every name, however many there are, each once', async () => {
      const { door, ...desk } = await openDesk();
      await twice({ door, ...desk });
      const names = Array.from({ length: 2_100 }, (_, at) => `n${at}`);
      await door.noteUnread(names.map(unread), NOW);
      const entries = await entriesOf(door);
      expect(entries.map((entry) => entry.name).toSorted()).toEqual([...names, NAME].toSorted());
      expect(entries.find((entry) => entry.name === NAME)).toMatchObject({ revision: 2, state: 'ingested' });
      expect(await door.latestRevision(NAME)).toMatchObject({ revision: 2 });
      expect(await door.latestRevision('n7')).toMatchObject({ revision: 0, stat: STAT });
      expect(await door.latestRevision('other')).toBeNull();
    });

    test('has exactly the names that are not read, and tells which are new', async () => {
      const { door } = await openDesk();
      expect(await door.noteUnread([unread('a'), unread('b')], NOW)).toHaveLength(2);
      expect(await door.noteUnread([unread('b'), unread('c')], NOW)).toMatchObject([{ name: 'c' }]);
      expect(await door.noteUnread([unread('b'), unread('c')], NOW)).toEqual([]);
      expect((await entriesOf(door)).map((entry) => entry.name).toSorted()).toEqual(['b', 'c']);
    });

    test('keeps the times of a file', async () => {
      const { door, ...desk } = await openDesk();
      await twice({ door, ...desk });
      const before = await door.latestRevision(NAME);
      if (before === null) throw new Error('it is there');
      await door.noteStat(before, STAT);
      expect(await door.latestRevision(NAME)).toEqual({ ...before, stat: STAT });
    });

    test('keeps a request to read a name again until the commit of its next reading', async () => {
      const { door, ...desk } = await openDesk();
      await door.requestRetries([NAME, 'other'], NOW);
      expect([...(await door.pendingRetries())]).toEqual([
        [NAME, NOW.toISOString()],
        ['other', NOW.toISOString()],
      ]);
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
      expect([...(await door.pendingRetries()).keys()]).toEqual(['other']);
    });

    test('keeps a decision about a content, and has it read again where it is quarantined', async () => {
      const { door, ...desk } = await openDesk();
      for (const [day, many] of [1, 3].entries())
        await desk.deliver(
          'Procedure',
          `2026070${day + 1}_060000`,
          Array.from({ length: many }, (_, at) => procedure(`P${at}`)),
        );
      await desk.deliver('Procedure', '20260801_060000', ['short|row', 'short|row']);
      const held = await door.latestRevision(NAME);
      expect(held).toMatchObject({ state: 'quarantined' });
      const sha256 = held?.sha256 ?? '';
      const decision = { name: NAME, code: 'volume', by: 'on call', reason: null } as const;
      await door.decide({ ...decision, sha256: 'of other content' }, NOW);
      expect((await door.pendingRetries()).size).toBe(0);
      for (const reason of [null, 'a holiday']) await door.decide({ ...decision, sha256, reason }, NOW);
      expect([...(await door.pendingRetries()).keys()]).toEqual([NAME]);

      const [dataset] = door.feed.datasets;
      if (dataset === undefined) throw new Error('the feed has datasets');
      const about = {
        dataset,
        name: NAME,
        revision: 1,
        stamp: '2026-08-01T06:00:00Z',
        stat: STAT,
        attempts: 1,
        takenAt: NOW.toISOString(),
        archivedTo: null,
      };
      const asked = async (of: string): Promise<unknown> =>
        await door
          .transact(
            { ...about, sha256: of, startedAt: NOW },
            () => '',
            async (transaction) => {
              const answer = [await transaction.isAccepted('volume'), await transaction.lastRowCounts(10)];
              throw new Answered(answer);
            },
          )
          .catch((error: unknown) => (error instanceof Answered ? error.answer : error));
      expect(await asked(sha256)).toEqual([true, [3, 1]]);
      expect(await asked('0')).toEqual([false, [3, 1]]);
    });

    test('counts how often reading a content has failed, before and after its bytes are known, until it is in', async () => {
      const { door, ...desk } = await openDesk();
      const seen: AttemptedContent = { name: NAME, stat: STAT, sha256: null };
      const read = { ...seen, sha256: 'x' };
      expect(await door.openAttempt(seen, NOW)).toEqual({ failures: 0, deaths: 0 });
      expect(await door.openAttempt(read, NOW)).toEqual({ failures: 0, deaths: 0 });
      await door.closeAttempt(read, true);
      expect(await door.openAttempt(seen, NOW)).toEqual({ failures: 0, deaths: 0 });
      await door.closeAttempt(seen, true);
      expect(await door.openAttempt(read, NOW)).toEqual({ failures: 2, deaths: 0 });
      await door.closeAttempt(read, false);
      expect(await door.openAttempt({ ...seen, sha256: 'y' }, NOW)).toEqual({ failures: 0, deaths: 0 });
      expect(await door.suspects(1)).toEqual([]);
      await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
      expect(await door.openAttempt(read, NOW)).toEqual({ failures: 0, deaths: 0 });
    });

    test('P2: whatever is asked while a file is loaded waits for its end, and sees it whole or not at all', async () => {
      const { door, feed } = await openDesk();
      const [dataset] = feed.datasets;
      if (dataset === undefined) throw new Error('the feed has a dataset');
      const entry = {
        ...{ dataset, name: NAME, revision: 1, stamp: '2026-08-01T06:00:00Z', sha256: 'x' },
        ...{ stat: STAT, attempts: 1, startedAt: NOW, takenAt: NOW.toISOString(), archivedTo: null },
      };
      const told: string[] = [];
      const begun = Promise.withResolvers<null>();
      const goOn = Promise.withResolvers<null>();
      const load = door.transact(
        entry,
        () => '',
        async () => {
          begun.resolve(null);
          await goOn.promise;
          told.push('loaded');
          throw new Error('given up');
        },
      );
      await begun.promise;
      const others = [
        door.latestRevision(NAME).then((latest) => told.push(`latest: ${latest === null ? 'none' : 'there'}`)),
        door.requestRetries([NAME], NOW).then(() => told.push('asked')),
        door.pendingRetries().then((pending) => told.push(`pending: ${pending.size}`)),
      ];
      await new Promise((resolve) => setImmediate(resolve));
      expect(told).toEqual([]);
      goOn.resolve(null);
      await expect(load).rejects.toThrow('given up');
      await Promise.all(others);
      expect(told).toEqual(['loaded', 'latest: none', 'asked', 'pending: 1']);
    });
  });
}
