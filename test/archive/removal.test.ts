import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ProtectionKey } from '../../src/model/protection-key.ts';
import { deriveKey } from '../../src/protection/key.ts';
import { SEALED_MAGIC } from '../../src/protection/seal-stream.ts';
import { compareArchive, filesIn } from '../campaign/compare-archive.ts';
import { createBilling } from '../helpers/billing.ts';
import { mountDisk } from '../helpers/disk.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
import { openIntakeDesk, type IntakeDesk } from '../helpers/intake.ts';

const billing = createBilling(33);
const NAME = feedFileName('Procedure', '20260801_060000');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function openRemoving(): IntakeDesk {
  return openIntakeDesk({ settings: { after: 'remove', removeAfterMs: 10 * MINUTE } });
}

function textOf(...rows: Row[]): string {
  return feedFileText('Procedure', rows);
}

async function pass(desk: IntakeDesk, ms: number): Promise<void> {
  desk.pass(ms);
  await desk.settleAll();
}

/** Drops a file, and waits until it is in and set aside. @returns its path now */
async function setAside(desk: IntakeDesk, text: string): Promise<string> {
  writeFileSync(join(desk.landing, NAME), text);
  await desk.settleAll();
  await pass(desk, 10 * MINUTE);
  const [aside = ''] = readdirSync(desk.landing);
  expect(aside).toMatch(/^\.HospitalABC.*Z\.removing$/);
  return join(desk.landing, aside);
}

function rowsOf(desk: IntakeDesk): readonly unknown[] {
  return desk.column('SELECT description FROM procedures ORDER BY procedure_id');
}

const described = (description: string, row = billing.procedure()): Row => ({ ...row, Description: description });

test('a file is set aside when it has been still for long enough, and removed an hour later; its copy is kept', async () => {
  const desk = openRemoving();
  writeFileSync(join(desk.landing, NAME), textOf(described('a')));
  await desk.settleAll();
  await pass(desk, 9 * MINUTE);
  expect(readdirSync(desk.landing)).toEqual([NAME]);
  await pass(desk, MINUTE);
  expect(readdirSync(desk.landing)).not.toContain(NAME);
  // It was renamed when the test began.
  await pass(desk, 48 * MINUTE);
  expect(readdirSync(desk.landing)).toHaveLength(1);
  await pass(desk, 3 * MINUTE);
  expect(readdirSync(desk.landing)).toEqual([]);
  expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
  expect(filesIn(desk.archive)).toHaveLength(1);
});

test('a file of another file system is removed, too', async (context) => {
  const desk = openRemoving();
  if (!mountDisk(desk.landing, 'size=1m', onTestFinished)) context.skip('mounting is not allowed');
  await setAside(desk, textOf(described('a')));
  await pass(desk, HOUR);
  expect(readdirSync(desk.landing)).toEqual([]);
  expect(rowsOf(desk)).toEqual(['a']);
});

test('P6: what a writer adds before it is set aside is read', async () => {
  const desk = openRemoving();
  writeFileSync(join(desk.landing, NAME), textOf(described('a')));
  await desk.settleAll();
  writeFileSync(join(desk.landing, NAME), textOf(described('b'), described('c')));
  await pass(desk, 10 * MINUTE);
  await pass(desk, HOUR + 20 * MINUTE);
  await pass(desk, HOUR);
  expect(rowsOf(desk).toSorted()).toEqual(['a', 'b', 'c']);
  expect(readdirSync(desk.landing)).toEqual([]);
});

test('P6: what a writer adds after it was set aside is read as a new revision', async () => {
  const desk = openRemoving();
  const first = described('a');
  const aside = await setAside(desk, textOf(first));
  appendFileSync(aside, textOf(first, described('b')).split('\n').slice(2).join('\n'));
  await pass(desk, MINUTE);
  await pass(desk, MINUTE);
  expect(rowsOf(desk).toSorted()).toEqual(['a', 'b']);
  expect(desk.column('SELECT max(revision) FROM files')).toEqual([2]);
  await pass(desk, 10 * MINUTE);
  await pass(desk, HOUR);
  expect(readdirSync(desk.landing)).toEqual([]);
  expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
});

test.each([
  ['', 0],
  [', also where the clock was set back in between', -24 * HOUR],
])(
  'P4 P6: where a newer file has the name by then, it is read as what it is, and overwrites nothing%s',
  async (_, ms) => {
    const desk = openRemoving();
    const [first, late] = [billing.procedure(), billing.procedure()];
    const aside = await setAside(desk, textOf(described('old', first)));
    desk.setClock(ms);
    writeFileSync(join(desk.landing, NAME), textOf(described('new', first)));
    await pass(desk, 0);
    const grown = textOf(described('old', first), described('late', late)).split('\n').slice(2).join('\n');
    appendFileSync(aside, grown);
    await pass(desk, MINUTE);
    await pass(desk, MINUTE);
    expect(rowsOf(desk).toSorted()).toEqual(['late', 'new']);
    expect(desk.rows('SELECT revision, state FROM files ORDER BY revision').map((row) => row['state'])).toEqual([
      'replaced',
      'replaced',
      'ingested',
    ]);
    for (let hour = 0; hour < 5; hour += 1) await pass(desk, HOUR);
    expect(readdirSync(desk.landing)).toEqual([]);
    expect(compareArchive(desk.database.file, desk.archive)).toEqual([]);
  },
);

test.each<[string, (copy: string) => void]>([
  ['is gone', rmSync],
  [
    'is damaged',
    (copy) => {
      truncateSync(copy, 20);
    },
  ],
])('P6: nothing is removed whose copy %s', async (_, harm) => {
  const desk = openRemoving();
  writeFileSync(join(desk.landing, NAME), textOf(described('a')));
  await desk.settleAll();
  const [copy = ''] = filesIn(desk.archive);
  harm(join(desk.archive, copy));
  await pass(desk, 10 * MINUTE);
  await pass(desk, 2 * HOUR);
  expect(readdirSync(desk.landing)).toEqual([NAME]);
  expect(desk.faults.list()).toMatchObject([{ kind: 'file', file: NAME }]);
});

test('P6: what the ledger does not know, as after a restored backup, gets its name back and is read', async () => {
  const desk = openRemoving();
  await setAside(desk, textOf(described('a')));
  desk.db.exec('DELETE FROM procedures; DELETE FROM checkpoints; DELETE FROM files');
  desk.restart();
  await pass(desk, MINUTE);
  await pass(desk, MINUTE);
  expect(rowsOf(desk)).toEqual(['a']);
});

test('a process that dies in between goes on where it was', async () => {
  const desk = openRemoving();
  const aside = await setAside(desk, textOf(described('a')));
  desk.restart();
  await desk.settleAll();
  expect(existsSync(aside)).toBe(true);
  await pass(desk, HOUR);
  expect(existsSync(aside)).toBe(false);
  // Set aside by hand, as by a daemon that was told to keep files from now on.
  const kept = openIntakeDesk();
  writeFileSync(join(kept.landing, NAME), textOf(described('a')));
  await kept.settleAll();
  const [takenAt = ''] = kept.column('SELECT taken_at FROM files') as string[];
  renameSync(join(kept.landing, NAME), join(kept.landing, `.${NAME}.${takenAt.replaceAll(/[-:]/g, '')}.removing`));
  await kept.settleAll();
  expect(readdirSync(kept.landing)).toEqual([NAME]);
});

test('P4: with --after keep, a file that was set aside before a correction came does not get its name back', async () => {
  const row = billing.procedure();
  const kept = openIntakeDesk();
  for (const text of ['old', 'new']) {
    writeFileSync(join(kept.landing, NAME), textOf(described(text, row)));
    await kept.settleAll();
  }
  rmSync(join(kept.landing, NAME));
  const [takenAt = ''] = kept.column('SELECT taken_at FROM files WHERE revision = 1') as string[];
  const name = `.${NAME}.${takenAt.replaceAll(/[-:]/g, '')}.removing`;
  writeFileSync(join(kept.landing, name), textOf(described('old', row)));
  await kept.settleAll();
  expect(rowsOf(kept)).toEqual(['new']);
  expect(readdirSync(kept.landing)).toEqual([name]);
});

describe('P6 P9: a file whose copy is sealed', () => {
  const KEY = deriveKey(new Uint8Array(32).fill(7));
  const OTHER = deriveKey(new Uint8Array(32).fill(8));

  /** A file that is in, with the key at hand that is chosen later. */
  async function openSealed() {
    const at: { key: ProtectionKey | null } = { key: KEY };
    const desk = openIntakeDesk({
      settings: { after: 'remove', removeAfterMs: 10 * MINUTE },
      protection: () => at.key,
    });
    writeFileSync(join(desk.landing, NAME), textOf(described('a')));
    await desk.settleAll();
    const [copy = ''] = filesIn(desk.archive);
    return { desk, at, copy: join(desk.archive, copy) };
  }

  test('is removed once the copy has been opened, and found to be byte for byte what was read', async () => {
    const { desk, copy } = await openSealed();
    expect(readFileSync(copy).subarray(0, SEALED_MAGIC.length)).toEqual(Buffer.from(SEALED_MAGIC));
    await pass(desk, 10 * MINUTE);
    await pass(desk, HOUR);
    expect(readdirSync(desk.landing)).toEqual([]);
  });

  /** What becomes of the bytes of a copy. */
  const HARMS: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['is cut off', (bytes) => bytes.subarray(0, -1)],
    ['is empty', () => Buffer.alloc(0)],
    ['has another byte', withOtherLastByte],
    ['is of other bytes', () => zstdCompressSync(Buffer.from('x'))],
  ];

  test.each(HARMS)('stays where its copy %s', async (_, harm) => {
    const { desk, copy } = await openSealed();
    writeFileSync(copy, harm(readFileSync(copy)));
    await pass(desk, 10 * MINUTE);
    await pass(desk, 2 * HOUR);
    expect(readdirSync(desk.landing)).toEqual([NAME]);
    expect(desk.faults.list()).toMatchObject([{ kind: 'file', file: NAME }]);
  });

  test.each(HARMS)('stays where it was set aside before its copy %s', async (_, harm) => {
    const { desk, copy } = await openSealed();
    await pass(desk, 10 * MINUTE);
    writeFileSync(copy, harm(readFileSync(copy)));
    await pass(desk, 2 * HOUR);
    expect(readdirSync(desk.landing)).toEqual([expect.stringMatching(/\.removing$/)]);
  });

  test.each([
    ['another key', OTHER],
    ['no key', null],
  ])('stays where there is %s at hand, and goes when the right one is', async (_, key) => {
    const { desk, at } = await openSealed();
    at.key = key;
    desk.restart();
    await pass(desk, 10 * MINUTE);
    await pass(desk, 2 * HOUR);
    expect(readdirSync(desk.landing)).toEqual([NAME]);
    expect(desk.faults.list()).toMatchObject([{ kind: 'file', file: NAME }]);
    at.key = KEY;
    desk.restart();
    await pass(desk, 10 * MINUTE);
    await pass(desk, 2 * HOUR);
    expect(readdirSync(desk.landing)).toEqual([]);
  });
});

function withOtherLastByte(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]);
}
