import Database from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LandfallError } from '../../../src/model/errors.ts';
import { loadFeed } from '../../../src/feed/load.ts';
import type { Feed } from '../../../src/model/feed.ts';
import { closeDatabase, openForReading, openForRehearsal, openDatabase } from '../../../src/store/sqlite/open.ts';
import { tryLock } from '../../../src/store/sqlite/lock.ts';
import { openInChild } from '../../helpers/child.ts';
import { mountSelf } from '../../helpers/disk.ts';
import { feedWithTables } from '../../helpers/feed-folder.ts';
import { FEED_FILE, MIGRATIONS, openDesk } from '../../helpers/ingest.ts';
import { procedure } from '../../helpers/rows.ts';
import { tempFolder } from '../../helpers/temp.ts';

const feed = loadFeed(FEED_FILE);

function open(file: string, of: Feed = feed): void {
  closeDatabase(openDatabase({ file, feed: of, migrations: MIGRATIONS, program: '0.0.0', cacheMib: 4 }));
}

/** What `work` throws. */
function refusalOf(work: () => unknown): LandfallError {
  try {
    work();
  } catch (error) {
    if (error instanceof LandfallError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** The files of a folder with their bytes (of a pipe none), to be held against themselves. */
function contents(folder: string): Map<string, string> {
  const bytesOf = (path: string): string => (statSync(path).isFile() ? readFileSync(path, 'latin1') : '');
  return new Map(readdirSync(folder).map((name) => [name, bytesOf(join(folder, name))]));
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

/** A sound database of Landfall's with one row, closed. */
function writeSound(file: string): void {
  open(file);
  const db = new Database(file);
  db.exec(`INSERT INTO procedures VALUES ('P1', 'C', NULL, NULL, NULL, NULL, 1, 2, '2026-08-01T00:00:00Z')`);
  db.close();
}

describe('a database that is made', () => {
  test.each([0o000, 0o022, 0o077, 0o777])(
    'is for its owner and one group, whatever the mask (%o), and so are its side files',
    (umask) => {
      const file = join(tempFolder(), 'made/db/new.sqlite');
      const then = `
      const { readdirSync, statSync } = await import('node:fs');
      const folder = ${JSON.stringify(dirname(file))};
      for (const name of readdirSync(folder).sort()) console.log(name, (statSync(folder + '/' + name).mode & 0o7777).toString(8));`;
      const out = openInChild(file, { umask, then });
      expect(out.split('\n')).toEqual(['new.sqlite 660', 'new.sqlite-shm 660', 'new.sqlite-wal 660', 'opened']);
      expect([dirname(file), dirname(dirname(file))].map(modeOf)).toEqual(['2770', '2770']);
    },
  );

  test('a folder that is there keeps its mode', () => {
    const folder = tempFolder();
    chmodSync(folder, 0o750);
    open(join(folder, 'new.sqlite'));
    expect(modeOf(folder)).toBe('750');
  });

  test('P2: commits are on the disk, foreign keys are enforced, and readers are not held up', () => {
    const { db } = openDesk();
    expect(db.pragma('synchronous', { simple: true })).toBe(2);
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
    const orphan =
      db.prepare(`INSERT INTO visits (visit_id, procedure_id, patient_id, visit_date, source_file_id, source_line, source_stamp)
      VALUES ('V1', 'P1', 'M1', '2026-08-01', 1, 2, '')`);
    expect(() => orphan.run()).toThrow('FOREIGN KEY constraint failed');
  });

  test('P2: they still are after an attempt was noted without waiting for the disk', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    expect(desk.db.pragma('synchronous', { simple: true })).toBe(2);
    expect(desk.db.pragma('foreign_keys', { simple: true })).toBe(1);
  });

  test('a folder that cannot be made is one clear error', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'file'), '');
    const error = refusalOf(() => {
      open(join(folder, 'file/db/new.sqlite'));
    });
    expect(error).toMatchObject({ operation: 'create database' });
    expect(error.hint).toContain('--db');
  });

  test('an empty file, as a death right after its creation leaves it, is taken for a new database', () => {
    const file = join(tempFolder(), 'empty.sqlite');
    writeFileSync(file, '');
    open(file);
    expect(statSync(file).size).toBeGreaterThan(0);
  });
});

describe('a file that is not a sound database of Landfall is refused, says what to do, and is not touched', () => {
  const cases: [string, (file: string) => void, RegExp][] = [
    [
      "another program's database",
      (file) => {
        const db = new Database(file);
        db.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)');
        db.close();
      },
      /another program's database.*nothing was changed; name another file with --db/,
    ],
    [
      "another program's database that marks itself and is empty",
      (file) => {
        const db = new Database(file);
        db.pragma('application_id = 1196444487');
        db.close();
      },
      /another program's database.*name another file with --db/,
    ],
    [
      'a text file',
      (file) => {
        writeFileSync(file, 'id|name\n1|x\n'.repeat(1000));
      },
      /is not a database.*nothing was changed; name another file with --db/,
    ],
    [
      'a short file',
      (file) => {
        writeFileSync(file, 'SQLite');
      },
      /is not a database.*nothing was changed; name another file with --db/,
    ],
    [
      'a database whose first bytes are overwritten',
      (file) => {
        writeSound(file);
        damage(file, 0, 'NotALite');
      },
      /not a sound SQLite database.*keep a copy/,
    ],
    [
      'a database whose first page is lost, with its lock file beside it',
      (file) => {
        writeSound(file);
        tryLock(file, { pid: 1, host: '', command: '', since: '' })?.release();
        damage(file, 0, '\0'.repeat(4096));
      },
      /not a sound SQLite database.*keep a copy/,
    ],
    [
      'a pipe, which nobody writes to',
      (file) => {
        execFileSync('mkfifo', [file]);
      },
      /a device, a pipe or a socket/,
    ],
    [
      'a database whose page size is overwritten',
      (file) => {
        writeSound(file);
        damage(file, 16, '\x07\x07');
      },
      /not a sound SQLite database.*keep a copy/,
    ],
    [
      'a database whose schema page is overwritten',
      (file) => {
        writeSound(file);
        damage(file, 100, '\xff'.repeat(400));
      },
      /not a sound SQLite database.*keep a copy/,
    ],
    [
      'a database that is cut off',
      (file) => {
        writeSound(file);
        writeFileSync(file, readFileSync(file).subarray(0, 4096 * 3));
      },
      /not a sound SQLite database.*keep a copy/,
    ],
  ];

  test.each(cases)('%s', (_, write, message) => {
    const file = join(tempFolder(), 'given.sqlite');
    write(file);
    const before = contents(dirname(file));
    const error = refusalOf(() => {
      open(file);
    });
    expect(error.message).toMatch(message);
    expect(error.file).toBe(file);
    expect(contents(dirname(file))).toEqual(before);
  });

  test('a database that is mounted alone, without its folder', ({ skip }) => {
    const folder = tempFolder();
    const file = join(folder, 'mounted \\.sqlite');
    writeSound(file);
    if (!mountSelf(file)) skip('a file cannot be mounted here');
    expect(
      refusalOf(() => {
        open(file);
      }).message,
    ).toMatch(/is mounted alone.*mount the folder/);
    expect(readdirSync(folder)).toEqual(['mounted \\.sqlite']);
  });

  test('a file of zeros beside a journal, as a power cut in its making leaves it, is taken for a new database', () => {
    const file = join(tempFolder(), 'half.sqlite');
    // Its header says that the database had no page (https://sqlite.org/fileformat.html#the_rollback_journal).
    const journal = Buffer.alloc(512);
    journal.write('d9d505f920a163d7000000000000000000000000' + '0000020000001000', 'hex');
    writeFileSync(file, Buffer.alloc(4096));
    writeFileSync(`${file}-journal`, journal);
    open(file);
    expect(readdirSync(dirname(file))).toEqual(['half.sqlite']);
  });

  test("another program's database with a write-ahead log left behind: the log is not merged into it", () => {
    const folder = tempFolder();
    const theirs = new Database(join(folder, 'theirs.sqlite'));
    theirs.pragma('journal_mode = WAL');
    theirs.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)');
    const left = tempFolder();
    for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(left, name));
    theirs.close();
    const before = contents(left);
    expect(before.get('theirs.sqlite-wal')).not.toBe('');
    expect(
      refusalOf(() => {
        open(join(left, 'theirs.sqlite'));
      }).message,
    ).toContain("another program's database");
    expect(contents(left)).toEqual(before);
  });

  test('a folder', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'db.sqlite'));
    expect(
      refusalOf(() => {
        open(join(folder, 'db.sqlite'));
      }).message,
    ).toContain('is a folder (name a file with --db)');
  });

  test('a database that another program holds to itself is busy, not damaged', () => {
    const file = join(tempFolder(), 'held.sqlite');
    writeSound(file);
    const other = new Database(file);
    onTestFinished(() => {
      other.close();
    });
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN IMMEDIATE; COMMIT');
    expect(
      refusalOf(() => {
        open(file);
      }),
    ).toMatchObject({ kind: 'busy' });
  });

  /** Root may write everything: the child gives up being root where the tests are run as root. */
  const unprivileged = process.getuid?.() === 0;

  test.each([
    ['file', 0o440, 0o777],
    ['folder', 0o666, 0o555],
  ])('a database whose %s cannot be written is read-only', (_, fileMode, folderMode) => {
    const folder = tempFolder();
    const file = join(folder, 'db/given.sqlite');
    writeSound(file);
    chmodSync(folder, 0o755);
    chmodSync(file, fileMode | 0o444);
    chmodSync(dirname(file), folderMode);
    const before = contents(dirname(file));
    expect(openInChild(file, { unprivileged })).toMatch(
      /^DatabaseFault readonly .*check the owner and mode of the file and its folder/,
    );
    expect(contents(dirname(file))).toEqual(before);
    chmodSync(dirname(file), 0o755);
  });

  test('a folder in which nothing can be made', () => {
    const folder = tempFolder();
    chmodSync(folder, 0o555);
    expect(openInChild(join(folder, 'new.sqlite'), { unprivileged })).toMatch(
      /^LandfallError - .*its folder cannot be written/,
    );
    expect(readdirSync(folder)).toEqual([]);
    chmodSync(folder, 0o755);
  });

  function damage(file: string, at: number, bytes: string): void {
    const content = readFileSync(file);
    content.write(bytes, at, 'latin1');
    writeFileSync(file, content);
  }
});

describe('opening to read', () => {
  test('a database that is not there is one clear error, and is not made', () => {
    const file = join(tempFolder(), 'missing.sqlite');
    const error = refusalOf(() => openForReading(file));
    expect(error.message).toContain('does not exist');
    expect(error.hint).toContain('--db');
    expect(existsSync(file)).toBe(false);
  });

  test.each(['file', 'folder'])('one whose %s may not be read is not called missing', (what) => {
    const folder = tempFolder();
    const file = join(folder, 'db/given.sqlite');
    writeSound(file);
    chmodSync(folder, 0o755);
    chmodSync(dirname(file), what === 'folder' ? 0o700 : 0o755);
    chmodSync(file, what === 'file' ? 0o600 : 0o644);
    const instead = `openForReading(${JSON.stringify(file)})`;
    expect(openInChild(file, { unprivileged: process.getuid?.() === 0, instead })).toMatch(
      /^LandfallError - .*may not be read \(.*a member of its group\)/,
    );
  });

  test('an empty file, a text file and another program’s database are refused', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'text'), 'no database, but a text that is long enough\n'.repeat(40));
    const other = new Database(join(folder, 'other'));
    other.exec('CREATE TABLE theirs (a)');
    other.close();
    expect(refusalOf(() => openForReading(join(folder, 'empty'))).message).toContain('never set up');
    expect(refusalOf(() => openForReading(join(folder, 'text'))).message).toContain('is not a database');
    expect(refusalOf(() => openForReading(join(folder, 'other'))).message).toContain("another program's");
  });

  test('nothing can be written through it, also while a writer has it open', () => {
    const desk = openDesk();
    const db = openForReading(desk.database.file);
    onTestFinished(() => {
      db.close();
    });
    desk.db.exec('BEGIN IMMEDIATE');
    expect(db.prepare('SELECT count(*) FROM files').pluck().get()).toBe(0);
    expect(() => db.exec("INSERT INTO retries VALUES ('x', '')")).toThrow('readonly');
    desk.db.exec('ROLLBACK');
  });
});

describe('the database is held against the feed before anything is read', () => {
  function problems(change: (tables: string) => string): string {
    const file = join(tempFolder(), 'new.sqlite');
    const error = refusalOf(() => {
      open(file, feedWithTables(change));
    });
    expect(error.hint).toContain('migration');
    return error.message;
  }

  test('all that is wrong is told at once', () => {
    const message = problems((tables) =>
      tables
        .replace('standard_charge_cents INTEGER,', '')
        .replace('visit_id           TEXT PRIMARY KEY NOT NULL', 'visit_id TEXT NOT NULL UNIQUE')
        .replace('procedure_id     TEXT REFERENCES procedures (procedure_id)', 'procedure_id TEXT')
        .replace('source_line           INTEGER NOT NULL', 'ward TEXT NOT NULL'),
    );
    for (const problem of [
      'procedures has no column standard_charge_cents',
      'procedures has no column source_line',
      'procedures.ward is NOT NULL, but no column of the feed fills it',
      'the primary key of visits is not visit_id',
      'transactions.procedure_id has no foreign key to procedures',
    ]) {
      expect(message).toContain(problem);
    }
  });

  test('a table that is missing', () => {
    expect(problems((tables) => tables.slice(0, tables.indexOf('CREATE TABLE transactions')))).toContain(
      'there is no table transactions',
    );
  });

  test('a foreign key to another table, or another column, is none', () => {
    expect(
      problems((tables) =>
        tables.replace(
          'visit_id         TEXT NOT NULL REFERENCES visits (visit_id)',
          'visit_id TEXT NOT NULL REFERENCES procedures (procedure_id)',
        ),
      ),
    ).toContain('transactions.visit_id has no foreign key to visits');
  });

  test('P5 P7: a deferred foreign key, by which an orphan would fail its whole file at the commit', () => {
    const references = 'REFERENCES visits (visit_id)';
    expect(problems((tables) => tables.replace(references, `${references} DEFERRABLE INITIALLY DEFERRED`))).toContain(
      'a foreign key of transactions is deferred',
    );
  });

  test('a table without rowids', () => {
    expect(problems((tables) => tables.replace(/\n\);/, '\n) WITHOUT ROWID;'))).toContain(
      'procedures is WITHOUT ROWID',
    );
  });

  test('a key of two columns is not the key of the feed', () => {
    const twoColumns = (tables: string) =>
      tables
        .replace('transaction_id   TEXT PRIMARY KEY NOT NULL', 'transaction_id TEXT NOT NULL')
        .replace(
          /(CREATE TABLE transactions[^;]*source_stamp +TEXT NOT NULL)/,
          '$1, PRIMARY KEY (transaction_id, payer)',
        );
    expect(problems(twoColumns)).toContain('the primary key of transactions is not transaction_id');
  });

  test.each([
    [
      'an id in a column of numbers',
      'patient_id         TEXT',
      'patient_id INTEGER',
      'visits.patient_id is INTEGER, which',
    ],
    [
      'a key in a column of numbers',
      'visit_id           TEXT',
      'visit_id NUMERIC',
      'visits.visit_id is NUMERIC, which',
    ],
    ['a text in a column of numbers', 'facility           TEXT', 'facility FLOATING POINT', 'declare it TEXT'],
    ['money in a column of text', 'total_charge_cents INTEGER', 'total_charge_cents TEXT', 'declare it INTEGER'],
    ['money in a column of fractions', 'total_charge_cents INTEGER', 'total_charge_cents REAL', 'declare it INTEGER'],
    [
      'a line in a column of text',
      'source_line        INTEGER',
      'source_line TEXT',
      'visits.source_line is TEXT, which',
    ],
  ])('P6: %s, which would be changed', (_, column, declared, problem) => {
    const changed = (tables: string): string => {
      const [before = '', visits = ''] = tables.split('CREATE TABLE visits');
      return `${before}CREATE TABLE visits${visits.replace(column, declared)}`;
    };
    expect(problems(changed)).toContain(problem);
  });

  test('P6: a date in a STRICT table that wants a number', () => {
    const strict = (tables: string) =>
      tables.replace(/\n\);/, '\n) STRICT;').replace('effective_date        TEXT', 'effective_date INTEGER');
    expect(problems(strict)).toContain('procedures.effective_date is INTEGER, which');
  });

  test('types that keep the values are taken: DATE for a date, DECIMAL for cents, none, and ANY in a STRICT table', () => {
    const file = join(tempFolder(), 'new.sqlite');
    open(
      file,
      feedWithTables((tables) =>
        tables
          .replace(/\n\);/, '\n) STRICT;')
          .replace('description           TEXT', 'description ANY')
          .replace('visit_date         TEXT', 'visit_date DATE')
          .replace('total_charge_cents INTEGER', 'total_charge_cents DECIMAL(12,2)')
          .replace('facility           TEXT', 'facility'),
      ),
    );
    expect(existsSync(file)).toBe(true);
  });

  test.each([
    ['column', (tables: string) => tables.replace('procedure_id          TEXT', 'procedure_id TEXT COLLATE NOCASE')],
    [
      'column, though not its index',
      (tables: string) =>
        tables
          .replace('procedure_id          TEXT PRIMARY KEY NOT NULL', 'procedure_id TEXT COLLATE RTRIM NOT NULL')
          .replace(/\n\);/, ', PRIMARY KEY (procedure_id COLLATE BINARY));'),
    ],
    [
      'index',
      (tables: string) =>
        tables
          .replace('procedure_id          TEXT PRIMARY KEY NOT NULL', 'procedure_id TEXT NOT NULL')
          .replace(/\n\);/, ', PRIMARY KEY (procedure_id COLLATE NOCASE));'),
    ],
  ])('P6: a key whose %s makes two ids one', (_, change) => {
    expect(problems(change)).toContain('procedures.procedure_id takes two keys for one');
  });

  test('a generated column under a name of the feed, and a view', () => {
    expect(
      problems((tables) => tables.replace('status             TEXT', `status TEXT AS (upper(facility))`)),
    ).toContain('visits.status is a generated column, which takes no values');
    expect(
      problems(
        (tables) => `${tables.replaceAll(/\bprocedures\b/g, 'kept')}; CREATE VIEW procedures AS SELECT * FROM kept`,
      ),
    ).toContain('procedures is no ordinary table (view)');
  });

  test('P5: a foreign key of two columns is none: it lets an orphan pass where the other is empty', () => {
    const twoColumns = (tables: string) =>
      tables
        .replace('visit_id         TEXT NOT NULL REFERENCES visits (visit_id)', 'visit_id TEXT NOT NULL')
        .replace(
          /(CREATE TABLE transactions[^;]*source_stamp +TEXT NOT NULL)/,
          '$1, FOREIGN KEY (visit_id, payer) REFERENCES visits (visit_id, status)',
        )
        .concat('; CREATE UNIQUE INDEX two ON visits (visit_id, status)');
    expect(problems(twoColumns)).toContain('transactions.visit_id has no foreign key to visits');
  });

  test('a trigger that names a table which is not there', () => {
    const audited = (tables: string) =>
      `${tables}; CREATE TRIGGER audit AFTER UPDATE ON visits BEGIN INSERT INTO audits VALUES (1); END`;
    expect(problems(audited)).toContain('visits takes no rows: no such table: main.audits');
  });

  test.each([
    ['is on a table of the ledger', 'AFTER INSERT ON rejects', 'SELECT 1', 'the trigger theirs is on rejects'],
    [
      'rolls back',
      'BEFORE UPDATE ON Visits',
      `SELECT raise (rollback, 'no')`,
      'the trigger theirs says RAISE(ROLLBACK)',
    ],
    [
      'makes parents',
      'BEFORE INSERT ON visits',
      'INSERT OR IGNORE INTO "procedures" (procedure_id) VALUES (1)',
      'the trigger theirs puts rows into procedures',
    ],
    [
      'takes rows out',
      'AFTER INSERT ON visits',
      'DELETE FROM visits WHERE status IS NULL',
      'the trigger theirs takes rows out of visits',
    ],
    [
      'takes rows out, in other words',
      'AFTER UPDATE ON visits',
      'DELETE /* ours */ FROM -- all\n [VISITS]',
      'the trigger theirs takes rows out of visits',
    ],
    [
      'writes into the ledger',
      'AFTER INSERT ON visits',
      'DELETE FROM rejects',
      'the trigger theirs takes rows out of rejects',
    ],
    [
      'changes the ledger',
      'AFTER UPDATE OF status ON visits',
      "UPDATE files SET state = 'x'",
      'the trigger theirs changes values in files',
    ],
    [
      'changes values of its own table',
      'AFTER UPDATE ON visits',
      "UPDATE visits SET status = 'x'",
      'the trigger theirs changes values in visits',
    ],
    [
      'changes where a row is from',
      'AFTER INSERT ON transactions',
      'UPDATE procedures SET source_line = 1',
      'the trigger theirs changes values in procedures',
    ],
    [
      'changes values by another table’s trigger',
      'AFTER INSERT ON visits',
      'INSERT INTO chain VALUES (1)',
      'the trigger chained changes values in visits',
    ],
    [
      'rolls back by another table’s trigger',
      'AFTER INSERT ON procedures',
      'DELETE FROM chain',
      'the trigger ended says RAISE(ROLLBACK)',
    ],
    [
      'takes rows out by a foreign key',
      'AFTER INSERT ON procedures',
      'DELETE FROM parents',
      'the action of a foreign key takes rows out of visits',
    ],
  ])('P3: a trigger that %s', (_, when, action, problem) => {
    const chain = `ALTER TABLE visits ADD COLUMN parent REFERENCES parents (a) ON DELETE CASCADE;
      CREATE TABLE parents (a PRIMARY KEY); CREATE TABLE chain (a);
      CREATE TRIGGER chained AFTER INSERT ON chain BEGIN UPDATE visits SET status = 'x'; END;
      CREATE TRIGGER ended AFTER DELETE ON chain BEGIN SELECT RAISE(ROLLBACK, 'no'); END;`;
    expect(problems((tables) => `${tables}; ${chain} CREATE TRIGGER theirs ${when} BEGIN ${action}; END`)).toContain(
      problem,
    );
  });

  test.each([
    ['unique', 'CREATE UNIQUE INDEX theirs ON rejects (code)'],
    ['on an expression', `CREATE INDEX theirs ON rejects (json_extract(raw, '$'))`],
  ])('P7: an index on a table of the ledger that may refuse what it writes: one that is %s', (_, sql) => {
    expect(problems((tables) => `${tables}; ${sql}`)).toContain(
      'the index theirs may refuse rows of rejects, a table of the ledger',
    );
  });

  test('another index on a table of the ledger does no harm', () => {
    const file = join(tempFolder(), 'new.sqlite');
    open(
      file,
      feedWithTables((tables) => `${tables}; CREATE INDEX theirs ON rejects (code, reason) WHERE state = 'waiting'`),
    );
    expect(existsSync(file)).toBe(true);
  });

  test('a trigger that refuses rows, or writes to a table of its own and to other columns, does no harm', () => {
    const file = join(tempFolder(), 'new.sqlite');
    const theirs = `CREATE TABLE visits_audit (key TEXT); ALTER TABLE visits ADD COLUMN changed_at TEXT;
      CREATE TRIGGER audited AFTER INSERT ON visits BEGIN INSERT INTO visits_audit VALUES (NEW.visit_id); DELETE FROM visits_audit WHERE key = 'x'; END;
      CREATE TRIGGER dated AFTER UPDATE ON visits BEGIN UPDATE visits SET changed_at = 'now' WHERE visit_id = NEW.visit_id; END;
      CREATE TRIGGER checked BEFORE INSERT ON visits WHEN NEW.status = 'bad' BEGIN SELECT RAISE(FAIL, 'bad'); END;
      CREATE TRIGGER of_audit AFTER INSERT ON visits_audit BEGIN UPDATE visits_audit SET key = 'DELETE FROM visits'; END;
      CREATE TABLE others (a); CREATE TRIGGER of_others AFTER INSERT ON others BEGIN DELETE FROM visits; END;`;
    open(
      file,
      feedWithTables((tables) => `${tables}; ${theirs}`),
    );
    expect(existsSync(file)).toBe(true);
  });

  test('a column more that may be empty, or has a default, does no harm', () => {
    const file = join(tempFolder(), 'new.sqlite');
    open(
      file,
      feedWithTables((tables) =>
        tables.replace('code_system           TEXT,', "code_system TEXT, ward TEXT, unit TEXT NOT NULL DEFAULT 'x',"),
      ),
    );
    expect(existsSync(file)).toBe(true);
  });

  test('a check of a file holds them against each other too', () => {
    const file = join(tempFolder(), 'missing.sqlite');
    const changed = feedWithTables((tables) => tables.replace('code_system           TEXT,', ''));
    const place = { file, feed: changed, migrations: MIGRATIONS, program: '0.0.0' };
    const error = refusalOf(() => openForRehearsal(place));
    expect(error.message).toContain('procedures has no column code_system');
    expect(existsSync(file)).toBe(false);
  });
});

test('a database of another feed is refused: its names would be taken for new', async () => {
  const desk = openDesk();
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  closeDatabase(desk.database);
  const renamed = { ...feed, name: 'renamed' };
  const error = refusalOf(() =>
    openDatabase({ file: desk.database.file, feed: renamed, migrations: MIGRATIONS, program: '0.0.0', cacheMib: 4 }),
  );
  expect(error.message).toContain('belongs to the feed visitpay, not to renamed');
});

test('closing merges the write-ahead log into the database', async () => {
  const folder = tempFolder();
  const file = join(folder, 'db.sqlite');
  const desk = openDesk({ file });
  await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
  closeDatabase(desk.database);
  expect(readdirSync(folder)).toEqual(['db.sqlite']);
  rmSync(folder, { recursive: true });
});
