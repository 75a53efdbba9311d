import Database from 'better-sqlite3';
import fs, { copyFileSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DatabaseFault, type FaultKind } from '../../../src/store/database-fault.ts';
import { closeDatabase } from '../../../src/store/sqlite/open.ts';
import { mountDisk } from '../../helpers/disk.ts';
import type { Row } from '../../helpers/feed-files.ts';
import { type Desk, openDesk } from '../../helpers/ingest.ts';
import { counts, procedure, transaction, visit } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

/** All that a file could have left behind. */
function footprint(desk: Desk): string {
  const tables = ['procedures', 'visits', 'transactions', 'files', 'rejects', 'waiting_on', 'checkpoints'];
  return JSON.stringify(tables.map((table) => desk.rows(`SELECT * FROM ${table} ORDER BY 1, 2`)));
}

async function faultOf(work: Promise<unknown>): Promise<FaultKind> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DatabaseFault) return error.kind;
    throw error;
  }
  throw new Error('nothing was wrong');
}

/** Another program with the database open. */
function openOther(desk: Desk): Database.Database {
  const other = new Database(desk.database.file);
  onTestFinished(() => {
    other.close();
  });
  return other;
}

const many = (length: number, row: (index: number) => Row): Row[] => Array.from({ length }, (_, index) => row(index));

test('P7: where not even the rollback goes through, that is a fault of the database, and no failure of the file', async () => {
  const desk = openDesk();
  const does = desk.db.exec.bind(desk.db);
  const exec = vi.spyOn(desk.db, 'exec').mockImplementation((sql) => {
    if (['COMMIT', 'ROLLBACK'].includes(sql)) throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR');
    return does(sql);
  });
  expect(await faultOf(desk.deliver('Procedure', '20260801_060000', [procedure('P1')]))).toBe('io');
  exec.mockRestore();
  desk.db.exec('ROLLBACK');
  expect(desk.column('SELECT failures FROM attempts')).toEqual([0]);
});

test('P7: where no folder takes temporary files, the fault says so, and not that the disk is bad', async () => {
  const desk = openDesk();
  const does = desk.db.exec.bind(desk.db);
  vi.spyOn(desk.db, 'exec').mockImplementation((sql) => {
    if (sql === 'COMMIT') throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_GETTEMPPATH');
    return does(sql);
  });
  // As in a container whose root is read-only.
  const access = vi.spyOn(fs, 'accessSync').mockImplementation(() => {
    throw Object.assign(new Error('read-only file system'), { code: 'EROFS' });
  });
  onTestFinished(() => {
    access.mockRestore();
  });
  const delivery = desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  await expect(delivery).rejects.toThrow(/no folder that SQLite may keep temporary files in .*SQLITE_TMPDIR/);
});

describe('another program holds the write lock', () => {
  test('P7: busy, nothing is left behind, and the file goes in when the lock is gone', async () => {
    const desk = openDesk();
    desk.db.pragma('busy_timeout = 1');
    const other = openOther(desk);
    const before = footprint(desk);
    other.exec('BEGIN IMMEDIATE');
    for (let time = 0; time < 4; time++) {
      expect(await faultOf(desk.deliver('Procedure', '20260801_060000', [procedure('P1')]))).toBe('busy');
    }
    expect(footprint(desk)).toBe(before);
    other.exec('ROLLBACK');
    expect(counts(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]))).toEqual({
      read: 1,
      inserted: 1,
    });
    expect(desk.column('SELECT attempts FROM files')).toEqual([1]);
  });

  test('P7: a lock that is taken after the attempt was noted counts no failure', async () => {
    const desk = openDesk();
    desk.db.pragma('busy_timeout = 1');
    const other = openOther(desk);
    const { db } = desk;
    const exec = db.exec.bind(db);
    const spy = vi.spyOn(db, 'exec').mockImplementation((sql) => {
      if (sql.startsWith('BEGIN')) other.exec('BEGIN IMMEDIATE');
      return exec(sql);
    });
    for (let time = 0; time < 4; time++) {
      expect(await faultOf(desk.deliver('Procedure', '20260801_060000', [procedure('P1')]))).toBe('busy');
      other.exec('ROLLBACK');
    }
    spy.mockRestore();
    expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
  });

  test('P7: a file that is to be quarantined waits like any other', async () => {
    const desk = openDesk();
    desk.db.pragma('busy_timeout = 1');
    const other = openOther(desk);
    const { db } = desk;
    const transactionOf = db.transaction.bind(db);
    const file = desk.write('HospitalABC_VisitPay_Visit_[20260801_060000].txt', '');
    const spy = vi.spyOn(db, 'transaction').mockImplementation((work: () => unknown) => {
      other.exec('BEGIN IMMEDIATE');
      return transactionOf(work);
    });
    for (let time = 0; time < 4; time++) {
      expect(await faultOf(desk.ingest(file))).toBe('busy');
      other.exec('ROLLBACK');
    }
    spy.mockRestore();
    expect(await desk.ingest(file)).toMatchObject({ kind: 'quarantined', code: 'empty' });
  });

  test('P2: a reader in the middle of a commit sees the state before it, and does not hold it up', async () => {
    const seen: unknown[] = [];
    const reading: { other?: Database.Database } = {};
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'before_commit' || moment === 'after_commit') {
          seen.push(
            reading.other
              ?.prepare('SELECT (SELECT count(*) FROM procedures), (SELECT count(*) FROM files)')
              .raw()
              .get(),
          );
        }
      },
    });
    reading.other = openOther(desk);
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1'), procedure('P2')]);
    expect(seen).toEqual([
      [0, 0],
      [2, 1],
    ]);
  });
});

test('P7: a fault while the statements are prepared, which a store does at its first file, harms no file after it', async () => {
  const desk = openDesk();
  const { db } = desk;
  const prepare = db.prepare.bind(db);
  let refused = false;
  const spy = vi.spyOn(db, 'prepare').mockImplementation((sql: string) => {
    if (sql.includes('temp."_healing_visits"') && !refused) {
      refused = true;
      throw new Database.SqliteError('database is locked', 'SQLITE_BUSY');
    }
    return prepare(sql);
  });
  expect(await faultOf(desk.deliver('Procedure', '20260801_060000', [procedure('P1')]))).toBe('busy');
  expect(refused).toBe(true);
  spy.mockRestore();
  expect(await desk.deliver('Procedure', '20260801_060000', [procedure('P1')])).toMatchObject({ kind: 'ingested' });
});

describe('the disk is full', () => {
  /** What is in before; then a file that inserts, updates, supersedes, frees and heals is to go in. */
  async function prepare(): Promise<Desk> {
    const desk = openDesk();
    await desk.deliver(
      'Procedure',
      '20260801_060000',
      many(40, (i) => procedure(`P${i}`)),
    );
    await desk.deliver('Visit', '20260801_060000', [...many(120, (i) => visit(`V${i}`, `P${i}`)), 'short']);
    await desk.deliver(
      'Transaction',
      '20260801_060000',
      many(120, (i) => transaction(`T${i}`, `V${i}`, { Payer: 'x'.repeat(100) })),
    );
    return desk;
  }
  const healing = many(160, (i) => procedure(`P${i}`, 'y'.repeat(200)));

  test('P2: wherever the room ends, it is rolled back whole, counts no failure, and goes in when there is room', async () => {
    const desk = await prepare();
    const { db } = desk;
    const before = footprint(desk);
    const pages = Number(db.pragma('page_count', { simple: true }));
    let refused = 0;
    let outcome: unknown;
    for (let more = 0; outcome === undefined; more++) {
      db.pragma(`max_page_count = ${pages + more}`);
      const delivery = desk.deliver('Procedure', '20260802_060000', healing);
      try {
        outcome = await delivery;
      } catch (error) {
        expect(error).toBeInstanceOf(DatabaseFault);
        expect(error).toMatchObject({ kind: 'full' });
        expect(db.inTransaction).toBe(false);
        expect(footprint(desk)).toBe(before);
        expect(desk.column('SELECT failures FROM attempts')).toEqual(refused === 0 ? expect.anything() : [0]);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10);
    expect(outcome).toMatchObject({ kind: 'ingested', counts: { inserted: 120, updated: 40 }, healed: 160 });
    expect(desk.column('SELECT attempts FROM files ORDER BY file_id DESC LIMIT 1')).toEqual([1]);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('P2: the same for a file whose rows wait, and for one that has rows the database refuses', async () => {
    const desk = await prepare();
    const { db } = desk;
    db.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON visits WHEN NEW.status = 'no' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    const before = footprint(desk);
    const rows = many(60, (i) =>
      visit(`W${i}`, i % 3 === 0 ? `Q${i}` : 'P1', { Status: i % 7 === 0 ? 'no' : 'y'.repeat(300) }),
    );
    const pages = Number(db.pragma('page_count', { simple: true }));
    let refused = 0;
    let outcome: unknown;
    for (let more = 0; outcome === undefined; more++) {
      db.pragma(`max_page_count = ${pages + more}`);
      try {
        outcome = await desk.deliver('Visit', '20260802_060000', rows);
      } catch (error) {
        expect(error).toMatchObject({ name: 'LandfallError', kind: 'full' });
        expect(footprint(desk)).toBe(before);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(3);
    expect(outcome).toMatchObject({ kind: 'ingested' });
    expect(desk.column('SELECT attempts FROM files ORDER BY file_id DESC LIMIT 1')).toEqual([1]);
  });
});

describe('the disk itself is full', () => {
  const rows = (text: string): Row[] => many(1200, (i) => procedure(`P${i}`, text.repeat(200)));

  // The write-ahead log then runs out of room in the middle of a statement, and SQLite ends the whole transaction by itself.
  test.for([60, 200, 350])(
    'P2 P7: %i KiB of room: full, not a failure of the file; it goes in when there is room',
    async (room, { skip }) => {
      const disk = tempFolder();
      if (!mountDisk(disk, 'size=2m', onTestFinished)) skip('mounting is not allowed here');
      const desk = openDesk({ file: join(disk, 'db.sqlite') });
      const { db } = desk;
      await desk.deliver(
        'Procedure',
        '20260801_060000',
        many(400, (i) => procedure(`P${i}`)),
      );
      await desk.deliver(
        'Visit',
        '20260801_060000',
        many(1200, (i) => visit(`V${i}`, `P${i}`)),
      );
      db.pragma('wal_checkpoint(TRUNCATE)');
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - room * 1024));
      db.pragma('cache_size = 10');
      const before = footprint(desk);
      for (let time = 0; time < 4; time++) {
        expect(await faultOf(desk.deliver('Procedure', '20260802_060000', rows('y')))).toBe('full');
        expect(footprint(desk)).toBe(before);
      }
      rmSync(join(disk, 'ballast'));
      expect(await desk.deliver('Procedure', '20260802_060000', rows('y'))).toMatchObject({
        kind: 'ingested',
        healed: 800,
      });
      expect(desk.column('SELECT attempts FROM files ORDER BY file_id DESC LIMIT 1')).toEqual([1]);
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    },
  );
});

describe('the database is damaged while it is in use', () => {
  /** A copy of the database in which one table's first page is overwritten. */
  async function damage(table: string): Promise<Desk> {
    const desk = openDesk();
    await desk.deliver(
      'Procedure',
      '20260801_060000',
      many(300, (i) => procedure(`P${i}`)),
    );
    await desk.deliver(
      'Visit',
      '20260801_060000',
      many(300, (i) => visit(`V${i}`, `P${i}`)),
    );
    const page = Number(desk.column(`SELECT rootpage FROM sqlite_schema WHERE name = '${table}'`)[0]);
    closeDatabase(desk.database);
    const file = join(tempFolder(), 'damaged.sqlite');
    copyFileSync(desk.database.file, file);
    const bytes = readFileSync(file);
    bytes.fill(0xa5, (page - 1) * 4096, page * 4096);
    writeFileSync(file, bytes);
    return openDesk({ file });
  }

  test.each(['procedures', 'sqlite_autoindex_procedures_1'])(
    'it is told as corrupt, with what to do, and never as a fault of the file: %s',
    async (table) => {
      const desk = await damage(table);
      for (let time = 0; time < 4; time++) {
        expect(await faultOf(desk.deliver('Procedure', '20260802_060000', [procedure('P1', 'new')]))).toBe('corrupt');
      }
      expect(desk.column('SELECT count(*) FROM files')).toEqual([2]);
      expect(desk.column('SELECT failures FROM attempts')).toEqual([0]);
    },
  );

  test('P8: the error says what to do and holds no value', async () => {
    const desk = await damage('procedures');
    const error: unknown = await desk
      .deliver('Procedure', '20260802_060000', [procedure('SECRET')])
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      file: desk.database.file,
      hint: expect.stringContaining('landfall verify') as unknown,
    });
    expect(String(error)).not.toContain('SECRET');
  });
});
