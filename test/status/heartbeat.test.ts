import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { STARTING } from '../../src/model/work.ts';
import {
  heartbeatPath,
  heartbeatPlace,
  isAlive,
  readHeartbeat,
  readMuteBeat,
  requireHeartbeatPlace,
  writeHeartbeat,
  type Heartbeat,
} from '../../src/status/heartbeat.ts';
import { describeWork } from '../../src/supervisor/systemd.ts';
import { fillDisk, mountDisk } from '../helpers/disk.ts';
import { tempFolder } from '../helpers/temp.ts';

const ALIVE: Heartbeat = {
  version: '0.0.0',
  host: 'here',
  pid: 1,
  workerPid: 2,
  startedAt: '2026-08-10T11:00:00.000Z',
  beat: '2026-08-10T12:00:00.000Z',
  landing: '/landing',
  cutShort: false,
  work: { ...STARTING, doing: 'idle' },
};

test('is read as it was written, for owner and group only, with nothing left beside it', () => {
  const folder = tempFolder();
  const db = join(folder, 'x.sqlite');
  writeHeartbeat(db, ALIVE);
  chmodSync(heartbeatPath(db), 0o666);
  writeHeartbeat(db, ALIVE);
  expect(readHeartbeat(db)).toEqual(ALIVE);
  expect(statSync(heartbeatPath(db)).mode & 0o777).toBe(0o660);
  expect(readdirSync(folder)).toEqual(['x.sqlite.alive']);
});

test('on a full disk an empty file says that it lives, by its time, or none that it has stopped', ({ skip }) => {
  const folder = join(tempFolder(), 'disk');
  if (!mountDisk(folder, 'size=64k', onTestFinished)) skip('a file system cannot be mounted here');
  fillDisk(folder);
  const db = join(folder, 'x.sqlite');
  for (const seconds of [0, 5]) {
    const beat = new Date(Date.parse(ALIVE.beat) + seconds * 1000);
    writeHeartbeat(db, { ...ALIVE, beat: beat.toISOString() });
    expect([readHeartbeat(db), readMuteBeat(db)]).toEqual([null, beat]);
  }
  writeHeartbeat(db, { ...ALIVE, work: { ...ALIVE.work, doing: 'stopped' } });
  expect(readMuteBeat(db)).toBeNull();
  expect(readdirSync(folder)).toEqual(['filler']);
});

test('what cannot be understood counts as none', () => {
  const db = join(tempFolder(), 'x.sqlite');
  expect(readHeartbeat(db)).toBeNull();
  writeFileSync(heartbeatPath(db), '{"pid": "one"}');
  expect(readHeartbeat(db)).toBeNull();
  writeFileSync(heartbeatPath(db), JSON.stringify(ALIVE).slice(0, 40));
  expect(readHeartbeat(db)).toBeNull();
  expect(readFileSync(heartbeatPath(db), 'utf8')).toHaveLength(40);
});

describe('what lies in its place and is none is named, and left as it is', () => {
  const FOREIGN: readonly (readonly [string, (file: string) => void])[] = [
    [
      'a text',
      (file) => {
        writeFileSync(file, 'theirs');
      },
    ],
    [
      'a folder',
      (file) => {
        mkdirSync(file);
      },
    ],
    ['a pipe', (file) => execFileSync('mkfifo', [file])],
    [
      'a link',
      (file) => {
        symlinkSync('elsewhere', file);
      },
    ],
  ];

  test.each(FOREIGN)('%s', (_, make) => {
    for (const end of ['.alive', '.alive.new']) {
      const folder = tempFolder();
      const db = join(folder, 'x.sqlite');
      make(`${db}${end}`);
      expect(() => {
        requireHeartbeatPlace(db);
      }).toThrow(`${db}${end} is not a heartbeat of Landfall, and would be overwritten (nothing was changed; move it`);
      expect([readHeartbeat(db), readMuteBeat(db)]).toEqual([null, null]);
      expect(readdirSync(folder)).toEqual([`x.sqlite${end}`]);
    }
  });

  test('a pipe that comes later is not waited for', () => {
    const db = join(tempFolder(), 'x.sqlite');
    execFileSync('mkfifo', [`${db}.alive.new`]);
    expect(() => {
      writeHeartbeat(db, ALIVE);
    }).toThrow('ENXIO');
  });

  test('what cannot be looked at is left for the worker to tell of', () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    requireHeartbeatPlace(join(file, 'x.sqlite'));
  });

  test('one of ours, whole or not, may be overwritten', () => {
    const db = join(tempFolder(), 'x.sqlite');
    requireHeartbeatPlace(db);
    for (const content of ['', '{"version":"0.0', Buffer.alloc(4096)]) {
      writeFileSync(heartbeatPath(db), content);
      writeFileSync(`${heartbeatPath(db)}.new`, content);
      requireHeartbeatPlace(db);
    }
    writeHeartbeat(db, ALIVE);
    requireHeartbeatPlace(db);
  });
});

describe('health by heartbeat', () => {
  const at = (seconds: number): Date => new Date(Date.parse(ALIVE.beat) + seconds * 1000);

  test('a beat of the last 15 s', () => {
    expect(isAlive(ALIVE, at(15), null)).toBe(true);
    expect(isAlive(ALIVE, at(16), null)).toBe(false);
    expect(isAlive(null, at(0), null)).toBe(false);
  });

  test('a beat from the future is none: the clock was set back', () => {
    expect(isAlive(ALIVE, at(-3600), null)).toBe(false);
  });

  test('a daemon that has said that it stopped is not alive', () => {
    expect(isAlive({ ...ALIVE, work: { ...ALIVE.work, doing: 'stopped' } }, at(1), null)).toBe(false);
  });
});

test('the status line says what is done, how far, what waits and what is wrong', () => {
  expect(describeWork(ALIVE.work)).toBe('idle; 0 files and 0 rows taken since the start');
  const file = { name: 'x.txt', phase: 'reading' as const, rows: 5, bytesRead: 50, bytesTotal: 200 };
  const faults = [
    { kind: 'database' as const, file: null, problem: 'no room left', since: '2026-08-10T11:59:00.000Z' },
  ];
  const taken = { ...STARTING.taken, files: 3, rows: 70, quarantined: 1 };
  expect(
    describeWork({ ...STARTING, doing: 'ingesting', file, due: 4, settling: 2, awaitingParent: 1, taken, faults }),
  ).toBe(
    "ingesting x.txt (25 %), 4 due; 2 settling; 1 waiting for a parent's file; 3 files and 70 rows taken since the start; " +
      'fault since 2026-08-10T11:59:00.000Z: no room left',
  );
});

test('what a daemon of an earlier version has said of its process that takes files is understood', () => {
  const db = join(tempFolder(), 'x.sqlite');
  const fault = { kind: 'worker', file: null, problem: 'it ended', since: '2026-08-01T06:00:00Z' } as const;
  const { workerPid, ...rest } = { ...ALIVE, work: { ...ALIVE.work, faults: [fault] } };
  const older = { ...rest, loaderPid: workerPid, work: { ...rest.work, faults: [{ ...fault, kind: 'loader' }] } };
  writeFileSync(heartbeatPath(db), JSON.stringify(older));
  expect(readHeartbeat(db)).toEqual({ ...rest, workerPid, work: { ...rest.work, faults: [fault] } });
});

test('P7: a daemon on a server is found by whoever names the database, as whichever user and with whichever password file', () => {
  const placeOf = (db: string): string => heartbeatPlace({ db, landing: '/landing', stateDir: '/var/lib/landfall' });
  const daemon = placeOf('postgres://loader@db.example/visits?sslmode=verify-full&passwordfile=/run/credentials/x');
  expect(placeOf('postgresql://reader:secret@db.example/visits?schema=public')).toBe(daemon);
  const others = [
    'db.example/claims',
    'other.example/visits',
    'db.example/visits?schema=claims',
    'db.example:5433/visits',
  ];
  for (const other of others) expect(placeOf(`postgres://loader@${other}`), other).not.toBe(daemon);
});
