import { expect, test } from 'vitest';
import { STARTING, type Fault, type Work } from '../../src/model/work.ts';
import type { Heartbeat } from '../../src/status/heartbeat.ts';
import { assessDaemon, type Signs } from '../../src/status/health.ts';
import type { LockState } from '../../src/store/ownership.ts';

const NOW = new Date('2026-08-10T12:00:00.000Z');
const BEFORE = '2026-08-10T11:59:58.000Z';
const FREE: LockState = { kind: 'free' };
const UNKNOWN: LockState = { kind: 'unknown' };

function heldBy(command: string): LockState {
  return { kind: 'held', holder: { pid: 7, host: 'here', command, since: BEFORE } };
}

function said(doing: Work['doing'], beat = BEFORE, faults: readonly Fault[] = []): Heartbeat {
  return {
    version: '0.0.0',
    host: 'here',
    pid: 7,
    workerPid: 8,
    startedAt: '2026-08-10T11:00:00.000Z',
    beat,
    landing: '/landing',
    cutShort: false,
    work: { ...STARTING, doing, faults: [...faults] },
  };
}

const LONG_AGO = '2026-08-10T11:58:00.000Z';
const fault = (kind: Fault['kind']): Fault => ({ kind, file: null, problem: 'it fails', since: LONG_AGO });

const CASES: readonly (readonly [string, Partial<Signs>, boolean, string | null])[] = [
  ['at work', { heartbeat: said('idle'), lock: heldBy('run') }, true, null],
  ['at work, whose lock cannot be asked', { heartbeat: said('idle'), lock: UNKNOWN }, true, null],
  ['just killed', { heartbeat: said('idle') }, false, 'the daemon has died: it has let go of the lock'],
  [
    'just killed, whose lock cannot be asked',
    { heartbeat: said('idle'), lock: UNKNOWN, processIsGone: true },
    false,
    'the daemon has died: there is no such process',
  ],
  ['stopped, and its process is gone', { heartbeat: said('stopped'), processIsGone: true }, false, 'is stopped'],
  [
    'just killed, and once has its place',
    { heartbeat: said('idle'), lock: heldBy('once') },
    false,
    'the daemon has died:',
  ],
  ['stopped as a whole', { heartbeat: said('idle', LONG_AGO), lock: heldBy('run') }, false, 'no sign of life'],
  ['that migrates', { heartbeat: said('starting'), lock: heldBy('run') }, true, null],
  ['that has not got the lock yet', { heartbeat: said('starting') }, true, 'the daemon waits for its database'],
  ['that waits for room', { heartbeat: said('starting', BEFORE, [fault('database')]) }, true, 'database: it fails'],
  ['that has no room for a word', { muteBeat: new Date(BEFORE) }, true, 'no room left on its disk'],
  ['that had no room for a word long ago', { muteBeat: new Date(LONG_AGO) }, false, 'no daemon has run'],
  ['whose worker has died', { heartbeat: said('starting', BEFORE, [fault('worker')]) }, true, 'worker: it fails'],
  ['with one faulty file', { heartbeat: said('idle', BEFORE, [fault('file')]), lock: heldBy('run') }, true, null],
  ['on its way out', { heartbeat: said('stopping') }, true, null],
  ['stopped', { heartbeat: said('stopped') }, false, 'the daemon is stopped'],
  ['that never was', {}, false, 'no daemon has run on this database'],
  [
    'that is looked for in another place than it says so',
    { lock: { kind: 'unknown' }, isOnServer: true },
    false,
    'is known here: --landing and --state-dir have to be those of "run"',
  ],
  ['that never was, while once works', { lock: heldBy('once') }, false, '"once", process 7, has the database'],
];

test.each(CASES)('a daemon %s', (_, signs, lives, problem) => {
  const daemon = assessDaemon(
    { heartbeat: null, muteBeat: null, lock: FREE, processIsGone: false, isOnServer: false, ...signs },
    { now: NOW, sinceBoot: null },
  );
  expect(daemon.lives).toBe(lives);
  if (problem === null) expect(daemon.problem).toBeNull();
  else expect(daemon.problem?.text).toContain(problem);
});
