import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ListedFile } from '../../src/model/listed-file.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, listed, openDesk } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';

const NAME = feedFileName('Procedure', '20260801_060000');
const OLD = feedFileText('Procedure', [procedure('P1', 'old'), procedure('P2', 'old')]);
const NEW = feedFileText('Procedure', [procedure('P1', 'new'), procedure('P2', 'new')]);

/** Ways in which a file is another one all of a sudden, and what it then says. */
const CHANGES: [string, (path: string) => void, string[]][] = [
  [
    'grows',
    (path) => {
      appendFileSync(path, 'P3|C1||more||\n');
    },
    ['old', 'old', 'more'],
  ],
  [
    'is replaced by rename',
    (path) => {
      writeFileSync(`${path}.part`, NEW);
      renameSync(`${path}.part`, path);
    },
    ['new', 'new'],
  ],
  [
    'is replaced by a file of the same bytes',
    (path) => {
      writeFileSync(`${path}.part`, OLD);
      renameSync(`${path}.part`, path);
    },
    ['old', 'old'],
  ],
  [
    'is cut short',
    (path) => {
      truncateSync(path, OLD.length - 'P2|C1||old||\n'.length);
    },
    ['old'],
  ],
  [
    'is overwritten with as many other bytes, its time of change put back',
    (path) => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, NEW);
      utimesSync(path, atime, mtime);
    },
    ['new', 'new'],
  ],
  [
    'is only touched',
    (path) => {
      utimesSync(path, new Date(), new Date());
    },
    ['old', 'old'],
  ],
];

function nothingOf(desk: Desk): void {
  for (const table of ['procedures', 'files', 'rejects', 'checkpoints'])
    expect(desk.column(`SELECT count(*) FROM ${table}`)).toEqual([0]);
  expect(desk.db.inTransaction).toBe(false);
}

describe('P1: a file that is not as it was listed is rolled back, and goes in whole when it is listed again', () => {
  test.each(CHANGES)('between listing and reading it %s', async (_, change, descriptions) => {
    const desk = openDesk();
    const file = desk.write(NAME, OLD);
    change(file.path);
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    nothingOf(desk);
    await goesIn(desk, descriptions);
  });

  test.each(CHANGES)('while it is read it %s', async (_, change, descriptions) => {
    const moving: { file: ListedFile | null } = { file: null };
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'reading' && moving.file !== null) change(moving.file.path);
        if (moment === 'reading') moving.file = null;
      },
    });
    const file = desk.write(NAME, OLD);
    moving.file = file;
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    nothingOf(desk);
    expect(desk.column('SELECT failures FROM attempts')).toEqual([0]);
    await goesIn(desk, descriptions);
  });

  test.each(CHANGES)('while its rows heal others it %s', async (_, change, descriptions) => {
    const moving: { file: ListedFile | null } = { file: null };
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'healing' && moving.file !== null) change(moving.file.path);
        if (moment === 'healing') moving.file = null;
      },
    });
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    const file = desk.write(NAME, OLD);
    moving.file = file;
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    expect(desk.column('SELECT state FROM rejects')).toEqual(['waiting']);
    expect(desk.column('SELECT dataset FROM checkpoints')).toEqual(['Visit']);
    await goesIn(desk, descriptions);
    expect(desk.column('SELECT state FROM rejects')).toEqual(['healed']);
  });

  test.each(CHANGES)(
    'at the commit it %s: what was read is in, what is there now comes as news',
    async (_, change, descriptions) => {
      const moving: { file: ListedFile | null } = { file: null };
      const desk = openDesk({
        probe: (moment) => {
          if (moment === 'before_commit' && moving.file !== null) change(moving.file.path);
          if (moment === 'before_commit') moving.file = null;
        },
      });
      const file = desk.write(NAME, OLD);
      moving.file = file;
      expect(await desk.ingest(file)).toMatchObject({ kind: 'ingested', revision: 1 });
      const now = await desk.ingest(listed(desk.feed, desk.landing, NAME));
      expect(now.kind).toBe(descriptions.join() === 'old,old' ? 'unchanged' : 'ingested');
      expect(
        desk.column(`SELECT description FROM procedures ORDER BY procedure_id LIMIT ${descriptions.length}`),
      ).toEqual(descriptions);
    },
  );

  async function goesIn(desk: Desk, descriptions: string[]): Promise<void> {
    expect(await desk.ingest(listed(desk.feed, desk.landing, NAME))).toMatchObject({ kind: 'ingested', revision: 1 });
    expect(desk.column('SELECT description FROM procedures ORDER BY procedure_id')).toEqual(descriptions);
    expect(desk.column('SELECT count(*) FROM attempts')).toEqual([0]);
  }
});

describe('P1: a file that moved is never judged by what was read of it', () => {
  test.each<[string, string]>([
    ['a half-written file without a header', 'P1|C1||ol'],
    ['an empty file', ''],
    ['a file that is not text', '%PDF-1.7\n\0\x01\x02\x03\x04\x05\x06\x07\x08'.repeat(40)],
  ])('it turns into %s after it was hashed', async (_, content) => {
    const moving: { path: string | null } = { path: null };
    const desk = openDesk();
    const file = desk.write(NAME, OLD);
    moving.path = file.path;
    // The first write to the ledger, the note of the attempt, stands between the two readings.
    desk.db.function('change', () => {
      if (moving.path !== null) writeFileSync(moving.path, content);
      return null;
    });
    desk.db.exec('CREATE TEMP TRIGGER changed AFTER INSERT ON main.attempts BEGIN SELECT change(); END');
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    nothingOf(desk);
    expect(desk.column('SELECT failures FROM attempts')).toEqual([0]);
  });
});

describe('P1: a file that is not there any more', () => {
  test('before it is opened: the system says so, and nothing is left behind', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, OLD);
    rmSync(file.path);
    await expect(desk.ingest(file)).rejects.toMatchObject({ code: 'ENOENT' });
    nothingOf(desk);
    expect(desk.column('SELECT count(*) FROM attempts')).toEqual([0]);
  });

  test('while it is read: rolled back, and no failure of the content', async () => {
    let path = '';
    const desk = openDesk({
      probe: (moment) => {
        if (moment === 'reading' && path !== '') rmSync(path, { force: true });
      },
    });
    const file = desk.write(NAME, OLD);
    path = file.path;
    await expect(desk.ingest(file)).rejects.toMatchObject({ code: 'ENOENT' });
    nothingOf(desk);
    expect(desk.column('SELECT failures FROM attempts')).toEqual([0]);
    path = '';
    expect(await desk.ingest(desk.write(NAME, OLD))).toMatchObject({ kind: 'ingested', revision: 1 });
  });
});

describe('P7: what is not a regular file is never followed and never blocked on', () => {
  /** A regular file was listed; something else has its name by the time it is opened. */
  function replaced(desk: Desk, replace: (path: string) => void): ListedFile {
    const file = desk.write(NAME, OLD);
    rmSync(file.path);
    replace(file.path);
    return file;
  }

  test('a symbolic link', async () => {
    const desk = openDesk();
    const file = replaced(desk, (path) => {
      const target = join(desk.folder, 'outside.txt');
      writeFileSync(target, OLD);
      symlinkSync(target, path);
    });
    await expect(desk.ingest(file)).rejects.toMatchObject({ code: 'ELOOP' });
    nothingOf(desk);
  });

  test('a named pipe nobody writes to', async () => {
    const desk = openDesk();
    const file = replaced(desk, (path) => {
      execFileSync('mkfifo', [path]);
    });
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    nothingOf(desk);
  });

  test('a socket', async () => {
    const desk = openDesk();
    const server = createServer();
    onTestFinished(() => {
      server.close();
    });
    const file = replaced(desk, () => undefined);
    const started = Promise.withResolvers<undefined>();
    server.listen(file.path, () => {
      started.resolve(undefined);
    });
    await started.promise;
    await expect(desk.ingest(file)).rejects.toMatchObject({ code: 'ENXIO' });
    nothingOf(desk);
  });

  test('a folder', async () => {
    const desk = openDesk();
    const file = replaced(desk, (path) => {
      mkdirSync(path);
    });
    expect(await desk.ingest(file)).toMatchObject({ kind: 'changed' });
    nothingOf(desk);
  });

  test('a file that may not be read is the system’s to tell', async () => {
    const desk = openDesk();
    const file = desk.write(NAME, OLD);
    chmodSync(file.path, 0o000);
    const unreadable = listed(desk.feed, desk.landing, NAME);
    // Root may read everything: the tests give up being root for a moment.
    const root = process.geteuid?.() === 0;
    for (const folder of [desk.folder, desk.landing, dirname(desk.database.file)]) chmodSync(folder, 0o711);
    if (root) process.seteuid?.(65534);
    try {
      await expect(desk.ingest(unreadable)).rejects.toMatchObject({ code: 'EACCES' });
    } finally {
      if (root) process.seteuid?.(0);
    }
    nothingOf(desk);
    chmodSync(file.path, 0o600);
    expect(await desk.ingest(listed(desk.feed, desk.landing, NAME))).toMatchObject({ kind: 'ingested' });
  });
});
