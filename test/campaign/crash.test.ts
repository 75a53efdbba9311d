import { describe, expect, test } from 'vitest';
import type { Moment } from '../../src/model/ledger.ts';
import { tempFolder } from '../helpers/temp.ts';
import { makeGuard } from './guard.ts';
import { runCrashPlan, type Blow, type CrashPlan } from './crash.ts';

// Small on purpose: `npm run test:campaign` runs hundreds of larger ones.
const SMALL = { seed: 9, files: 6, rowsPerFile: 60 };
const at = (moment: Moment, nth: number): Blow => ({ kind: 'at', moment, nth });

describe('P2: killed, restarted, and left to finish, it ends as if it had never been killed', () => {
  test.each<[string, number, CrashPlan['blows']]>([
    [
      'in a migration, while reading, around a commit',
      4,
      [
        [at('migration', 2), at('reading', 2)],
        [at('before_commit', 1), at('after_commit', 1)],
      ],
    ],
    [
      'while healing, while a copy is made, is durable',
      4,
      [
        [at('after_commit', 1), at('copying', 2)],
        [at('healing', 1), at('copied', 1)],
      ],
    ],
    [
      'inside a commit',
      0,
      [
        [{ kind: 'after', moment: 'before_commit', nth: 2, ms: 0 }],
        [{ kind: 'after', moment: 'before_commit', nth: 1, ms: 1 }],
      ],
    ],
    ['four times in the middle of one file', 4, [Array<Blow>(4).fill(at('before_commit', 1)), []]],
    ['once and the supervisor', 0, [[{ kind: 'once', ms: 300 }], [{ kind: 'daemon', victim: 'supervisor', ms: 250 }]]],
    [
      'the worker, both',
      2,
      [[{ kind: 'daemon', victim: 'worker', ms: 200 }], [{ kind: 'daemon', victim: 'both', ms: 150 }]],
    ],
  ])('%s', async (_, leastHits, blows) => {
    const { differences, hits } = await runCrashPlan({ ...SMALL, blows }, tempFolder());
    expect(differences).toEqual([]);
    expect(hits).toBeGreaterThanOrEqual(leastHits);
  });
});

test('P6: killed while files are set aside and removed, nothing is gone that is not in the archive', async () => {
  const blows: CrashPlan['blows'] = [
    [at('set_aside', 1), at('set_aside', 99), at('removing', 1), at('removed', 1)],
    [at('removed', 1), at('removing', 1)],
  ];
  const { differences, hits } = await runCrashPlan({ ...SMALL, blows, removes: true }, tempFolder());
  expect(differences).toEqual([]);
  expect(hits).toBeGreaterThanOrEqual(3);
});

test('P2 P9: with protected columns and checks, too, also between a commit and the checks on the tables', async () => {
  const folder = tempFolder();
  const blows = [[at('reading', 2), at('after_commit', 1)], [at('after_commit', 2)]] as const;
  const { differences, hits } = await runCrashPlan({ ...SMALL, blows }, folder, makeGuard(folder));
  expect(differences).toEqual([]);
  expect(hits).toBe(3);
});

test('control arm: a drain that records a file as ingested before its rows are committed is caught', async () => {
  const broken: CrashPlan = { ...SMALL, blows: [[at('reading', 2)], []], broken: true };
  const { differences, hits } = await runCrashPlan(broken, tempFolder());
  expect(hits).toBe(1);
  expect(differences).not.toEqual([]);
});
