import { appendFileSync, chmodSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { FolderFault } from '../../src/landing/folder-fault.ts';
import { DatabaseFault } from '../../src/store/database-fault.ts';
import { createBilling, LEAK } from '../helpers/billing.ts';
import { openIntakeDesk, type Doors, type IntakeDesk } from '../helpers/intake.ts';
import { feedFileName, feedFileText, writeFeedFile, type DatasetName } from '../helpers/feed-files.ts';
import { refuseLstat } from '../helpers/lstat.ts';
import { growWal, walSize, pinWal } from '../helpers/wal.ts';

const billing = createBilling(5);
const STAMP = '20260801_060000';
const SETTLED = 2_000;

function drop(desk: IntakeDesk, dataset: DatasetName = 'Procedure', stamp = STAMP): string {
  return writeFeedFile(desk.landing, dataset, stamp, [billing.procedure()]).name;
}

function states(desk: IntakeDesk): readonly unknown[] {
  return desk.rows('SELECT name, revision, state, reason_code AS code FROM files ORDER BY name, revision');
}

test('before a listing that will take long the loop says so: it is not to count as hung', async () => {
  const desk = openIntakeDesk({ tickMs: 1_500 });
  drop(desk);
  await desk.scan();
  expect(desk.work.map(({ doing }) => doing)).not.toContain('listing');
  await desk.scan();
  expect(desk.work.map(({ doing }) => doing)).toContain('listing');
  expect(desk.work.at(-1)?.doing).not.toBe('listing');
});

describe('P1: whole files only', () => {
  test('a file that grows is ingested once, whole, when it has stopped', async () => {
    const desk = openIntakeDesk();
    const rows = Array.from({ length: 20 }, () => billing.procedure());
    const path = join(desk.landing, feedFileName('Procedure', STAMP));
    const lines = feedFileText('Procedure', rows).split(/(?<=\n)/);
    writeFileSync(path, '');
    for (const line of lines) {
      appendFileSync(path, line);
      const left = await desk.scan();
      expect(left).toMatchObject({ open: 1, wakeMs: SETTLED });
      desk.pass(SETTLED - 1);
    }
    await desk.settleAll();
    expect(states(desk)).toEqual([
      { name: feedFileName('Procedure', STAMP), revision: 1, state: 'ingested', code: null },
    ]);
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([20]);
  });

  test('a file that was already there, and grows on after a restart, too', async () => {
    const desk = openIntakeDesk();
    drop(desk);
    await desk.scan();
    desk.pass(SETTLED - 1);
    desk.restart();
    expect(await desk.scan()).toMatchObject({ open: 1, wakeMs: SETTLED });
    await desk.settleAll();
    expect(states(desk)).toHaveLength(1);
  });

  test('a file that changes between listing and reading is waited for again', async () => {
    let meddle: (() => void) | null = null;
    const desk = openIntakeDesk({
      doors: (real) => ({
        ...real,
        ingest: (file, options) => {
          meddle?.();
          meddle = null;
          return real.ingest(file, options);
        },
      }),
    });
    const name = drop(desk);
    await desk.scan();
    desk.pass(SETTLED);
    meddle = () => {
      appendFileSync(join(desk.landing, name), feedFileText('Procedure', [billing.procedure()]).split('\n')[1] ?? '');
    };
    await desk.scan();
    expect(states(desk)).toEqual([]);
    expect(desk.faults.list()).toMatchObject([{ kind: 'file', file: name, problem: 'it is still being written' }]);
    await desk.settleAll();
    expect(states(desk)).toMatchObject([{ revision: 1, state: 'ingested' }]);
    expect(desk.column('SELECT count(*) FROM procedures')).toEqual([2]);
    expect(desk.faults.list()).toEqual([]);
  });

  test('with --settle 0 a file that keeps growing does not keep the loop spinning', async () => {
    const desk = openIntakeDesk({
      settings: { settleMs: 0 },
      doors: (real) => ({ ...real, ingest: () => Promise.resolve({ kind: 'changed', reason: 'it grew' }) }),
    });
    drop(desk);
    const waits: (number | null)[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const { wakeMs } = await desk.scan();
      waits.push(wakeMs);
      desk.pass(wakeMs ?? 0);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(desk.messages().filter((message) => message === 'it is still being written')).toHaveLength(1);
  });

  test('P7: a file that is in, but which the loop does not know of, is hashed once and then known', async () => {
    // As where its commit was made and not heard of.
    const desk = openIntakeDesk({
      doors: (real) => ({ ...real, latestRevisions: () => Readable.from([]) }),
    });
    drop(desk);
    await desk.settleAll();
    desk.restart();
    await desk.scan();
    desk.pass(SETTLED);
    const waits: (number | null)[] = [];
    for (let scans = 0; scans < 4; scans++) waits.push((await desk.scan()).wakeMs);
    expect(desk.messages().filter((message) => String(message).startsWith('the same bytes'))).toHaveLength(1);
    expect(waits.slice(1)).not.toContain(0);
  });

  test('an upload that stalls for longer than the settle time and goes on makes a new revision', async () => {
    const desk = openIntakeDesk();
    const name = drop(desk);
    await desk.settleAll();
    const more = feedFileText('Procedure', [billing.procedure()]).split('\n')[1] ?? '';
    appendFileSync(join(desk.landing, name), `${more}\n`);
    await desk.settleAll();
    expect(states(desk)).toMatchObject([
      { revision: 1, state: 'replaced' },
      { revision: 2, state: 'ingested' },
    ]);
  });
});

describe('files taken in one go', () => {
  test('are taken parents first, and children wait for a parent that is still settling', async () => {
    const desk = openIntakeDesk();
    const procedure = billing.procedure();
    const visit = billing.visit(procedure);
    writeFeedFile(desk.landing, 'Transaction', STAMP, [billing.transaction(visit)]);
    writeFeedFile(desk.landing, 'Visit', STAMP, [visit]);
    await desk.scan();
    desk.pass(SETTLED - 100);
    writeFeedFile(desk.landing, 'Procedure', STAMP, [procedure]);
    await desk.scan();
    desk.pass(100);
    expect(await desk.scan()).toMatchObject({ open: 3 });
    expect(states(desk)).toEqual([]);
    await desk.settleAll();
    const ingested = desk.log.filter((line) => line['msg'] === 'ingested').map((line) => line['file']);
    expect(ingested).toEqual((['Procedure', 'Visit', 'Transaction'] as const).map((of) => feedFileName(of, STAMP)));
    expect(desk.column('SELECT sum(rows_waiting) FROM files')).toEqual([0]);
  });

  test('do not wait for longer than a minute', async () => {
    const desk = openIntakeDesk();
    writeFeedFile(desk.landing, 'Visit', STAMP, [billing.visit(billing.procedure())]);
    const parent = join(desk.landing, feedFileName('Procedure', STAMP));
    let taken = 0;
    for (let second = 0; second <= 70 && taken === 0; second++) {
      writeFileSync(parent, 'x'.repeat(second + 1));
      utimesSync(parent, desk.now(), desk.now());
      await desk.scan();
      if (desk.messages().includes('ingested')) taken = second;
      desk.pass(1_000);
    }
    expect(taken).toBe(62);
  });

  test('are summed up in one line, and each in one; nothing of a row is in them (P8)', async () => {
    const desk = openIntakeDesk();
    const bad = { ...billing.procedure(), EffectiveDate: 'not a date ZQX' };
    writeFeedFile(desk.landing, 'Procedure', STAMP, [billing.procedure(), billing.procedure(), bad, bad]);
    writeFeedFile(desk.landing, 'Visit', STAMP, [billing.visit(billing.procedure())]);
    await desk.settleAll();
    const told = desk.log.map(({ msg, file, code, rows, lines, files }) => ({ msg, file, code, rows, lines, files }));
    const name = feedFileName('Procedure', STAMP);
    expect(told).toMatchObject([
      { msg: 'ingested', file: name, rows: { read: 4, inserted: 2, rejected: 2 } },
      { msg: 'rows rejected', file: name, code: 'bad_date', rows: 2, lines: [4, 5] },
      { msg: 'ingested', file: feedFileName('Visit', STAMP), rows: { read: 1, waiting: 1 } },
      { msg: 'rows wait for a parent', code: 'missing_parent', rows: 1, lines: [2] },
      { msg: 'files taken', files: 2, rows: { read: 5, inserted: 2, rejected: 2, waiting: 1 } },
    ]);
    expect(JSON.stringify(desk.log)).not.toMatch(LEAK);
    expect(desk.totals()).toMatchObject({ files: 2, rows: 5, rejectedRows: 2, quarantined: 0 });
  });

  test('are left for a new look at the folder when there is news, and gone on with after it', async () => {
    let monotonic = 0;
    const desk = openIntakeDesk({
      settings: { settleMs: 0 },
      hasNews: () => true,
      doors: (real) => ({
        ...real,
        ingest: async (file, options) => {
          const outcome = await real.ingest(file, options);
          desk.pass(1_500);
          monotonic += 1_500;
          return outcome;
        },
      }),
    });
    for (let hour = 10; hour < 15; hour++) drop(desk, 'Procedure', `20260801_${hour}0000`);
    expect(await desk.scan()).toMatchObject({ wakeMs: 0, open: 1 });
    expect(states(desk)).toHaveLength(2);
    expect(monotonic).toBe(3_000);
    expect(desk.messages()).not.toContain('files taken');
    await desk.settleAll();
    expect(states(desk)).toHaveLength(5);
    expect(desk.messages().filter((message) => message === 'files taken')).toHaveLength(1);
  });

  test('end before the next one when told to stop', async () => {
    const desk = openIntakeDesk({
      settings: { settleMs: 0 },
      doors: (real) => ({
        ...real,
        ingest: (file, options) => {
          desk.stop.abort();
          return real.ingest(file, options);
        },
      }),
    });
    drop(desk, 'Procedure', '20260801_060000');
    drop(desk, 'Procedure', '20260802_060000');
    await desk.scan();
    expect(states(desk)).toHaveLength(1);
  });
});

describe('what is taken again', () => {
  test('nothing that is as the ledger has it, also after a restart', async () => {
    let reads = 0;
    const desk = openIntakeDesk({
      doors: (real) => ({
        ...real,
        ingest: (file, options) => {
          reads += 1;
          return real.ingest(file, options);
        },
      }),
    });
    drop(desk);
    writeFeedFile(desk.landing, 'Visit', STAMP, ['not|a|header']);
    await desk.settleAll();
    expect(reads).toBe(2);
    await desk.settleAll();
    desk.restart();
    await desk.settleAll();
    expect(reads).toBe(2);
  });

  test('rule 2: a file that was only touched is a no-op, and its bytes are looked at once', async () => {
    const desk = openIntakeDesk();
    const name = drop(desk);
    await desk.settleAll();
    chmodSync(join(desk.landing, name), 0o600);
    await desk.settleAll();
    await desk.settleAll();
    expect(states(desk)).toHaveLength(1);
    expect(desk.messages().filter((message) => String(message).startsWith('the same bytes'))).toHaveLength(1);
  });

  test('rule 1: A, B, A makes three revisions', async () => {
    const desk = openIntakeDesk();
    const [a, b] = [billing.procedure(), billing.procedure()];
    for (const row of [a, b, a]) {
      writeFeedFile(desk.landing, 'Procedure', STAMP, [row]);
      await desk.settleAll();
    }
    expect(states(desk)).toMatchObject([{ revision: 1 }, { revision: 2 }, { revision: 3, state: 'ingested' }]);
  });

  test('rule 9: a quarantined file after a change of the program, not before', async () => {
    const desk = openIntakeDesk();
    writeFeedFile(desk.landing, 'Procedure', STAMP, ['not|a|header']);
    await desk.settleAll();
    expect(states(desk)).toMatchObject([{ state: 'quarantined' }]);
    desk.db.exec(`UPDATE files SET program = '0.0.0-old'`);
    desk.restart();
    await desk.settleAll();
    expect(desk.column('SELECT program FROM files')).toEqual(['0.0.0']);
    expect(desk.totals()).toMatchObject({ quarantined: 1 });
    desk.restart();
    await desk.settleAll();
    expect(desk.totals()).toMatchObject({ quarantined: 0 });
  });

  test('rule 9: a file for which someone asked, once, as a new revision', async () => {
    const desk = openIntakeDesk();
    const name = drop(desk);
    await desk.settleAll();
    await desk.store.requestRetries([name], new Date());
    await desk.settleAll();
    await desk.settleAll();
    expect(states(desk)).toMatchObject([
      { revision: 1, state: 'replaced' },
      { revision: 2, state: 'ingested' },
    ]);
  });

  test('rule 8: a stamp of next year is held, listed, and taken when its time has come', async () => {
    const desk = openIntakeDesk();
    const soon = new Date(Date.now() + 50 * 3_600_000)
      .toISOString()
      .slice(0, 19)
      .replaceAll(/[-:]/g, '')
      .replace('T', '_');
    const name = drop(desk, 'Procedure', soon);
    const { open, wakeMs } = await desk.settleAll();
    expect(open).toBe(0);
    expect(states(desk)).toEqual([{ name, revision: 0, state: 'quarantined', code: 'future_stamp' }]);
    expect(wakeMs).toBeGreaterThan(1.9 * 3_600_000);
    desk.pass(wakeMs ?? 0);
    await desk.settleAll();
    expect(states(desk)).toEqual([{ name, revision: 1, state: 'ingested', code: null }]);
  });

  test('names that cannot be read are listed, reported once, and leave the list when they go', async () => {
    const desk = openIntakeDesk();
    const link = feedFileName('Visit', STAMP);
    symlinkSync('/etc/hostname', join(desk.landing, link));
    writeFileSync(join(desk.landing, feedFileName('Visit', '20261332_000000')), 'x');
    await desk.settleAll();
    await desk.settleAll();
    desk.restart();
    await desk.settleAll();
    expect(desk.column('SELECT reason_code FROM files ORDER BY 1')).toEqual(['bad_stamp', 'not_a_file']);
    expect(desk.log).toHaveLength(2);
    unlinkSync(join(desk.landing, link));
    await desk.settleAll();
    expect(desk.column('SELECT reason_code FROM files')).toEqual(['bad_stamp']);
  });
});

describe('P7: nothing blocks', () => {
  function failing(error: () => Error, times: number): (real: Doors) => Doors {
    let left = times;
    return (real) => ({
      ...real,
      ingest: (file, options) => {
        if (file.stamp === '2026-08-01T06:00:00Z' && left-- > 0) return Promise.reject(error());
        return real.ingest(file, options);
      },
    });
  }

  const systemError = (code: string) => (): Error =>
    Object.assign(new Error(`${code}: told by the system`), { code, syscall: 'open', errno: -1 });

  test('a file that cannot be opened backs off, longer each time, while others go in; told once at start and end', async () => {
    const desk = openIntakeDesk({ doors: failing(systemError('EACCES'), 3) });
    const name = drop(desk);
    drop(desk, 'Procedure', '20260802_060000');
    await desk.scan();
    desk.pass(SETTLED);
    const waits: (number | null)[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const { wakeMs } = await desk.scan();
      waits.push(wakeMs);
      expect(desk.totals().unreadable).toBe(1);
      desk.pass(wakeMs ?? 0);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000]);
    expect(states(desk)).toHaveLength(1);
    expect(desk.faults.list()).toMatchObject([{ kind: 'file', file: name, problem: 'it cannot be read (EACCES)' }]);
    await desk.scan();
    expect(states(desk)).toHaveLength(2);
    expect(desk.faults.list()).toEqual([]);
    expect(desk.messages().filter((message) => String(message).includes('EACCES'))).toEqual([
      'it cannot be read (EACCES)',
      'over: it cannot be read (EACCES)',
    ]);
  });

  test('it is tried at once when its mode or owner changes', async () => {
    const desk = openIntakeDesk({ settings: { settleMs: 0 }, doors: failing(systemError('EACCES'), 1) });
    const name = drop(desk);
    expect(await desk.scan()).toMatchObject({ wakeMs: 1_000 });
    chmodSync(join(desk.landing, name), 0o600);
    await desk.scan();
    expect(states(desk)).toHaveLength(1);
  });

  test('a file that vanishes between listing and reading is nobody’s fault', async () => {
    const desk = openIntakeDesk({ settings: { settleMs: 0 }, doors: failing(systemError('ENOENT'), 1) });
    drop(desk);
    await desk.scan();
    expect(desk.faults.list()).toEqual([]);
    expect(desk.log).toEqual([]);
  });

  test('a file that was in fault and goes away ends its fault', async () => {
    const desk = openIntakeDesk({ settings: { settleMs: 0 }, doors: failing(systemError('EIO'), 9) });
    const name = drop(desk);
    await desk.scan();
    unlinkSync(join(desk.landing, name));
    await desk.scan();
    expect(desk.faults.list()).toEqual([]);
    expect(desk.messages()).toEqual(['it cannot be read (EIO)', 'over: it cannot be read (EIO)']);
  });

  test('P8: an exception that nobody expected is logged with its stack and without its message; the feed goes on', async () => {
    const desk = openIntakeDesk({
      settings: { settleMs: 0 },
      doors: failing(() => new TypeError('cannot read ZQX of patient ZQX'), 1),
    });
    drop(desk);
    drop(desk, 'Procedure', '20260802_060000');
    expect(await desk.scan()).toMatchObject({ wakeMs: 1_000, open: 1 });
    expect(states(desk)).toHaveLength(1);
    expect(desk.log[0]).toMatchObject({ level: 'error', msg: 'unexpected error; rolled back, to be tried again' });
    expect(JSON.stringify(desk.log)).not.toMatch(LEAK);
    await desk.settleAll();
    expect(states(desk)).toHaveLength(2);
  });

  test('a fault of the database stops the scan and skips nothing', async () => {
    const full = new DatabaseFault('full', 'ingest', 'x.sqlite', null);
    const desk = openIntakeDesk({ settings: { settleMs: 0 }, doors: failing(() => full, 1) });
    drop(desk);
    drop(desk, 'Procedure', '20260802_060000');
    await expect(desk.scan()).rejects.toBe(full);
    expect(states(desk)).toEqual([]);
    expect(desk.work.at(-1)).toMatchObject({ doing: 'waiting', file: null });
    await desk.scan();
    expect(states(desk)).toHaveLength(2);
  });

  test('a landing folder that disappears is a fault of the folder; nothing is forgotten when it comes back', async () => {
    const desk = openIntakeDesk();
    drop(desk);
    await desk.settleAll();
    renameSync(desk.landing, `${desk.landing}.away`);
    await expect(desk.scan()).rejects.toThrow(FolderFault);
    renameSync(`${desk.landing}.away`, desk.landing);
    await desk.settleAll();
    expect(states(desk)).toHaveLength(1);
    expect(desk.totals().files).toBe(1);
  });

  test.for([
    ['1970', 0],
    ['next year', 365 * 86_400],
  ] as const)('a file whose time of change is in %s is taken like any other', async ([, seconds]) => {
    const desk = openIntakeDesk();
    const time = seconds === 0 ? 0 : desk.now().getTime() / 1000 + seconds;
    utimesSync(join(desk.landing, drop(desk)), time, time);
    await desk.settleAll();
    expect(states(desk)).toMatchObject([{ revision: 1, state: 'ingested' }]);
    desk.restart();
    await desk.settleAll();
    expect(states(desk)).toHaveLength(1);
  });

  test('an empty file that is filled later is taken; a header alone is a file without rows', async () => {
    const desk = openIntakeDesk();
    const path = join(desk.landing, feedFileName('Procedure', STAMP));
    writeFileSync(path, '');
    expect(await desk.settleAll()).toMatchObject({ open: 0 });
    expect(states(desk)).toEqual([]);
    writeFileSync(path, feedFileText('Procedure', []));
    await desk.settleAll();
    expect(states(desk)).toMatchObject([{ state: 'ingested' }]);
  });
});

describe('the write-ahead log', () => {
  test('is emptied when there is nothing else to do, also if no file comes after the reader that pinned it', async () => {
    const desk = openIntakeDesk();
    // That it was small a moment ago is no reason to wait.
    expect(await desk.scan()).toMatchObject({ wakeMs: null });
    const reader = pinWal(desk.database);
    growWal(desk.database, 'one');
    const before = walSize(desk.database);
    expect(await desk.scan()).toMatchObject({ wakeMs: 10_000, open: 0 });
    expect(desk.work.at(-1)).toMatchObject({ doing: 'idle', wal: { bytes: before, pinned: true } });
    desk.pass(10_000);
    expect(await desk.scan()).toMatchObject({ wakeMs: 10_000 });
    reader.close();
    desk.pass(10_000);
    expect(await desk.scan()).toMatchObject({ wakeMs: null });
    expect(walSize(desk.database)).toBe(0);
    expect(desk.work.at(-1)).toMatchObject({ doing: 'idle', wal: { bytes: 0, pinned: false } });
  });

  test('is told as pinned also while many files are taken, and asked for at most every ten seconds', async () => {
    let asked = 0;
    const desk = openIntakeDesk({
      settings: { settleMs: 0 },
      doors: (real) => ({
        ...real,
        ingest: async (file, options) => {
          const outcome = await real.ingest(file, options);
          desk.pass(4_000);
          return outcome;
        },
        maintain: (begin) =>
          real.maintain(async () => {
            const may = await begin();
            if (may) asked += 1;
            return may;
          }),
      }),
    });
    const reader = pinWal(desk.database);
    growWal(desk.database, 'one');
    for (let hour = 10; hour < 15; hour++) drop(desk, 'Procedure', `20260801_${hour}0000`);
    await desk.scan();
    expect(asked).toBe(2);
    expect(desk.work.findLast((work) => work.doing === 'ingesting' && work.due === 4)?.wal.pinned).toBe(true);
    reader.close();
  });

  test('that cannot be emptied is a fault of the database, asked for again with the next scan', async () => {
    const full = new DatabaseFault('full', 'checkpoint', 'x.sqlite', null);
    let fail = true;
    const desk = openIntakeDesk({
      doors: (real) => ({
        ...real,
        maintain: (begin) => (fail ? Promise.reject(full) : real.maintain(begin)),
      }),
    });
    growWal(desk.database, 'one');
    await expect(desk.scan()).rejects.toBe(full);
    await expect(desk.scan()).rejects.toBe(full);
    fail = false;
    await desk.scan();
    expect(walSize(desk.database)).toBe(0);
  });
});

test('P7: a file that cannot be seen is a fault of its own until it can, and is taken then', async () => {
  const desk = openIntakeDesk();
  const name = drop(desk);
  writeFileSync(join(desk.landing, 'notes.txt'), 'seen');
  const end = refuseLstat('EIO', (path) => path.endsWith(name));
  await desk.settleAll();
  expect(desk.faults.list()).toMatchObject([{ kind: 'file', file: name, problem: 'it cannot be seen (EIO)' }]);
  expect(desk.totals().unreadable).toBe(1);
  end();
  await desk.settleAll();
  expect(desk.faults.list()).toEqual([]);
  expect(desk.column('SELECT name FROM files')).toEqual([name]);
});
