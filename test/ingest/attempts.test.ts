import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ingestFile } from '../../src/ingest/ingest-file.ts';
import type { Ending } from '../../src/store/attempts.ts';
import { closeAttempt, openAttempt, closeLeftAttempts } from '../../src/store/sqlite/attempts.ts';
import { latestRevision, requestRetries } from '../../src/store/sqlite/ledger.ts';
import { type OpenDatabase, closeDatabase, openDatabase } from '../../src/store/sqlite/open.ts';
import type { ListedFile } from '../../src/model/listed-file.ts';
import type { Moment } from '../../src/model/ledger.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, MIGRATIONS, openDesk } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';

const NAME = feedFileName('Procedure', '20260801_060000');
const NOW = new Date('2026-08-10T12:00:00Z');

/** A desk at which reading can be made to fail. */
function openBrittleDesk(): { desk: Desk; readonly failAt: (moment: Moment | null) => void } {
  let failing: Moment | null = null;
  const desk = openDesk({
    probe: (moment) => {
      if (moment === failing) throw new TypeError('nobody expected this');
    },
  });
  return { desk, failAt: (moment) => void (failing = moment) };
}

/** The database opened by another run of the program. */
function openAgain(desk: Desk): OpenDatabase {
  const store = openDatabase({
    file: desk.database.file,
    feed: desk.feed,
    migrations: MIGRATIONS,
    program: '0.0.0',
    cacheMib: 4,
  });
  onTestFinished(() => {
    closeDatabase(store);
  });
  return store;
}

const failures = (desk: Desk) => desk.column('SELECT failures FROM attempts');

describe('P7: an exception that nobody expected', () => {
  test.each<Moment>(['reading', 'healing', 'before_commit'])(
    'at %s it is rolled back, thrown on as it is, and counted',
    async (moment) => {
      const { desk, failAt } = openBrittleDesk();
      await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
      failAt(moment);
      await expect(desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).rejects.toThrow(TypeError);
      expect(desk.db.inTransaction).toBe(false);
      expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
      expect(desk.column('SELECT name FROM files')).toHaveLength(1);
      expect(desk.column('SELECT state FROM rejects')).toEqual(['waiting']);
      expect(failures(desk)).toEqual([1]);
      failAt(null);
      expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({
        kind: 'ingested',
        healed: 1,
      });
      expect(desk.column('SELECT attempts FROM files ORDER BY file_id')).toEqual([1, 2]);
      expect(failures(desk)).toEqual([]);
    },
  );

  test('right after the commit it takes nothing back', async () => {
    const { desk, failAt } = openBrittleDesk();
    failAt('after_commit');
    await expect(desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).rejects.toThrow(TypeError);
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([1]);
    expect(failures(desk)).toEqual([]);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ kind: 'unchanged' });
  });

  test('three times: the content is quarantined without being read again, and other files go in', async () => {
    const { desk, failAt } = openBrittleDesk();
    const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    failAt('reading');
    for (let time = 1; time <= 3; time++) {
      await expect(desk.ingest(file)).rejects.toThrow(TypeError);
      expect(failures(desk)).toEqual([time]);
    }
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'internal_error', revision: 1 });
    failAt(null);
    expect(desk.rows('SELECT state, reason_code, attempts, rows_read FROM files')).toEqual([
      { state: 'quarantined', reason_code: 'internal_error', attempts: 3, rows_read: 0 },
    ]);
    expect(failures(desk)).toEqual([]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
  });

  test('rule 9: asked for again, it gets three more', async () => {
    const { desk, failAt } = openBrittleDesk();
    const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    failAt('reading');
    for (let time = 1; time <= 3; time++) await expect(desk.ingest(file)).rejects.toThrow(TypeError);
    await desk.ingest(file);
    requestRetries(desk.database, [NAME], NOW);
    await expect(desk.ingest(file, { afresh: true })).rejects.toThrow(TypeError);
    expect(failures(desk)).toEqual([1]);
    expect(desk.column('SELECT name FROM retries')).toEqual([NAME]);
    failAt(null);
    expect(await desk.ingest(file, { afresh: true })).toMatchObject({ kind: 'ingested', revision: 1 });
    expect(desk.column('SELECT name FROM retries')).toEqual([]);
  });

  test('other content under the same name starts anew', async () => {
    const { desk, failAt } = openBrittleDesk();
    failAt('reading');
    for (let time = 1; time <= 3; time++) {
      await expect(desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).rejects.toThrow(TypeError);
    }
    await expect(desk.deliver('Procedure', '20260801_060000', [procedure('P2')])).rejects.toThrow(TypeError);
    expect(desk.column('SELECT failures FROM attempts ORDER BY failures')).toEqual([1, 3]);
    failAt(null);
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P2')])).toMatchObject({
      kind: 'ingested',
      revision: 1,
    });
    expect(failures(desk)).toEqual([]);
  });

  test('the same bytes under another name start anew', async () => {
    const { desk, failAt } = openBrittleDesk();
    failAt('reading');
    for (let time = 1; time <= 3; time++) {
      await expect(desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).rejects.toThrow(TypeError);
    }
    failAt(null);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
    expect(failures(desk)).toEqual([3]);
  });
});

describe('P7: the death of the program', () => {
  const text = feedFileText('Procedure', [procedure('P1')]);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const CRASHED: Ending = { crashed: true, cutShortAt: null };
  const UNEXPLAINED: Ending = { crashed: false, cutShortAt: null };

  /** Another run of the program ends in the middle of the file, and the next one opens the database. */
  function die(desk: Desk, file: ListedFile, ending: Ending, hash: string | null = sha256): void {
    const store = openAgain(desk);
    openAttempt(store, { name: file.name, stat: file.stat, sha256: hash }, NOW);
    closeLeftAttempts(desk.database, ending, NOW);
    closeDatabase(store);
  }

  test('three crashes that the parent process saw: it is quarantined, and the feed goes on', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    for (let time = 0; time < 3; time++) die(desk, file, CRASHED);
    expect(desk.column('SELECT failures FROM attempts')).toEqual([3]);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'internal_error' });
    expect(desk.column('SELECT attempts FROM files')).toEqual([3]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
  });

  test('ten deaths that nobody can explain do not make a sound file a bad one', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    for (let time = 0; time < 10; time++) die(desk, file, UNEXPLAINED);
    expect(desk.rows('SELECT failures, deaths, process FROM attempts')).toEqual([
      { failures: 0, deaths: 10, process: null },
    ]);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested' });
    expect(desk.column('SELECT attempts FROM files')).toEqual([11]);
  });

  test('the eleventh does, unread', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    for (let time = 0; time < 11; time++) die(desk, file, UNEXPLAINED, null);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'internal_error' });
    expect(desk.rows('SELECT sha256, state, attempts FROM files')).toEqual([
      { sha256: null, state: 'quarantined', attempts: 11 },
    ]);
    expect(await desk.deliver('Procedure', '20260802_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
  });

  test('crashes on a content that is not even hashed yet count, too: it is quarantined unread', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    for (let time = 0; time < 3; time++) die(desk, file, CRASHED, null);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'internal_error' });
    expect(desk.rows('SELECT sha256, state FROM files')).toEqual([{ sha256: null, state: 'quarantined' }]);
  });

  test('those before and after the content is known count together', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    die(desk, file, CRASHED);
    for (let time = 0; time < 2; time++) die(desk, file, CRASHED, null);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'internal_error' });
  });

  test('crashes and exceptions count together; two are not three, nor is a death without a reason', async () => {
    const { desk, failAt } = openBrittleDesk();
    const file = desk.write(NAME, text);
    die(desk, file, CRASHED);
    die(desk, file, UNEXPLAINED);
    failAt('reading');
    await expect(desk.ingest(file)).rejects.toThrow(TypeError);
    failAt(null);
    expect(desk.rows('SELECT failures, deaths FROM attempts')).toEqual([{ failures: 2, deaths: 1 }]);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested' });
    expect(desk.column('SELECT attempts FROM files')).toEqual([4]);
  });

  test('rule 9: asked for again, it starts anew', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    for (let time = 0; time < 11; time++) die(desk, file, UNEXPLAINED);
    requestRetries(desk.database, [NAME], NOW);
    expect(await desk.ingest(file, { afresh: true })).toMatchObject({ kind: 'ingested' });
  });

  test('a run that was ended on purpose is forgiven, what went wrong before is not', () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    const content = { name: NAME, stat: file.stat, sha256 };
    openAttempt(desk.database, content, NOW);
    closeAttempt(desk.database, content, true);
    die(desk, file, { crashed: false, cutShortAt: NOW.toISOString() });
    expect(openAttempt(desk.database, content, NOW)).toEqual({ failures: 1, deaths: 0 });
  });

  test('an attempt that was begun after a daemon was ended on purpose is not forgiven for that', () => {
    const desk = openDesk();
    const file = desk.write(NAME, text);
    die(desk, file, { crashed: false, cutShortAt: new Date(NOW.getTime() - 1).toISOString() });
    expect(desk.column('SELECT deaths FROM attempts')).toEqual([1]);
  });

  test('an attempt is noted before a row is read, for another process to see', async () => {
    const seen: unknown[] = [];
    const reader: { store?: OpenDatabase } = {};
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'reading')
          seen.push(
            reader.store?.db.prepare('SELECT name, failures FROM attempts WHERE process IS NOT NULL').raw().all(),
          );
      },
    });
    reader.store = openAgain(desk);
    await desk.ingest(desk.write(NAME, text));
    expect(seen).toEqual([[[NAME, 0]]]);
  });
});

describe('what is nobody’s failure is not counted', () => {
  test('an ingest that is told to stop is rolled back', async () => {
    const desk = openDesk();
    const stop = new AbortController();
    const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    for (let time = 0; time < 4; time++) {
      stop.abort();
      expect(await desk.ingest(file, { stop: stop.signal })).toEqual({ kind: 'given_up' });
      expect(desk.db.inTransaction).toBe(false);
    }
    expect(desk.rows('SELECT failures, process FROM attempts')).toEqual([{ failures: 0, process: null }]);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested' });
    expect(desk.column('SELECT attempts FROM files')).toEqual([1]);
  });

  test('an ingest that is told to stop while rows heal is rolled back', async () => {
    const stop = new AbortController();
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'healing') stop.abort();
      },
    });
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    expect(await desk.ingest(file, { stop: stop.signal })).toEqual({ kind: 'given_up' });
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([0]);
    expect(desk.column('SELECT state FROM rejects')).toEqual(['waiting']);
    expect(failures(desk)).toEqual([0]);
  });

  test('a file that moves while it is read', async () => {
    let path = '';
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'reading' && path !== '') appendFileSync(path, 'P2|C1||||\n');
      },
    });
    const file = desk.write(NAME, feedFileText('Procedure', [procedure('P1')]));
    path = file.path;
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    expect(failures(desk)).toEqual([0]);
  });

  test('the next file is not taken for a death of the same run', async () => {
    const { desk, failAt } = openBrittleDesk();
    failAt('reading');
    await expect(desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).rejects.toThrow(TypeError);
    failAt(null);
    expect(await ingestOther(desk)).toMatchObject({ kind: 'ingested' });
    expect(latestRevision(desk.database, NAME)).toBeNull();
    expect(failures(desk)).toEqual([1]);
  });

  async function ingestOther(desk: Desk) {
    const file = desk.write(feedFileName('Procedure', '20260802_060000'), feedFileText('Procedure', [procedure('P2')]));
    return ingestFile(desk.store, file, {
      afresh: false,
      stop: new AbortController().signal,
      onProgress: () => undefined,
      now: () => NOW,
    });
  }
});
