import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { noteUnread } from '../../src/store/sqlite/ledger.ts';
import { performOnce } from '../../src/worker/once-job.ts';
import { openInChild } from '../helpers/child.ts';
import { captureIo } from '../helpers/command-io.ts';
import { openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { supervised } from '../helpers/supervised.ts';
import { tempFolder } from '../helpers/temp.ts';

async function run(words: readonly string[], desk: Desk): Promise<{ code: number; out: string; err: string }> {
  const io = captureIo();
  const given = words.includes('--db') ? [] : ['--db', desk.database.file];
  const code = await runCommandLine([...words, ...given], { open: () => io });
  return { code, ...io.written };
}

describe('names with control characters, and marks that turn the direction of writing', () => {
  const name = 'HospitalABC_VisitPay_Visit_[20260801_06\u009b2J\u202e\u001b[2J].txt';
  const refused = { name, state: 'quarantined', code: 'not_a_file', reason: `it is a pipe` } as const;

  test.each([
    ['status'],
    ['status', '--check', '--data'],
    ['files'],
    ['report', name],
    ['alerts'],
    ['check', `/none/${name}`],
  ])('%s --json escapes them, and is the same JSON', async (...words) => {
    const desk = openDesk();
    const stat = { bytes: 1, mtimeNs: 0n, ctimeNs: 0n, inode: 1n };
    noteUnread(desk.database, [{ ...refused, dataset: 'Visit', stamp: null, stat }], new Date());
    const { out, err } = await run([...words, '--json'], desk);
    expect(out + err).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
    expect(() => JSON.parse(out) as unknown).not.toThrow();
  });
});

describe('a path that no system takes ends every command with a sentence, not with a stack', () => {
  const long = 'x'.repeat(100_000);

  test.each([
    ['check', long],
    ['check', `HospitalABC_VisitPay_Visit_[20260801_060000].txt/${long}`],
    ['status', '--db', long],
    ['files', '--db', long],
    ['verify', '--feed', long],
    ['verify', '--settings', long],
    ['schema', '--feed', long],
    ['report', long],
    ['report', `HospitalABC_VisitPay_Visit_[20260801_060000].txt/${long}`],
    ['archive', 'list', '--archive', long],
    ['preview', long],
  ])('%s', async (...words) => {
    // What is not of ours is thrown on, and told with its stack.
    const { code, err } = await run(words, openDesk()).catch((error: unknown) => {
      if (error instanceof LandfallError) return { code: 1, err: `landfall: ${error.message}\n` };
      throw error;
    });
    expect(code).toBe(1);
    expect(err).toMatch(/^landfall: [^\n]*\n$/);
  });
});

describe('once ends at once, with a sentence, on a landing folder that cannot be read from the start', () => {
  const settingsOf = (landing: string) =>
    readSettings({ flags: { landing, db: join(tempFolder(), 'x.sqlite') }, env: {}, cwd: ROOT, root: ROOT });

  test.each([
    ['is not there', () => join(tempFolder(), 'none'), /none does not exist \(.*--landing\)$/],
    [
      'is a file',
      () => {
        const file = join(tempFolder(), 'file');
        writeFileSync(file, '');
        return file;
      },
      /file cannot be read \(ENOTDIR\) \(.*--landing\)$/,
    ],
  ])('one that %s', async (_, make, said) => {
    await expect(performOnce(supervised(settingsOf(make()), captureIo()))).rejects.toThrow(said);
  });

  test.each([0o000, 0o444, 0o111])('one of mode %o, for another user than root', (mode) => {
    const landing = tempFolder();
    chmodSync(landing, mode);
    const instead = `
      const { performOnce } = await import(${JSON.stringify(join(ROOT, 'src/worker/once-job.ts'))});
      await performOnce({ settings: { landing: ${JSON.stringify(landing)} } });`;
    expect(openInChild('', { unprivileged: process.getuid?.() === 0, instead })).toMatch(
      /^FolderFault - .*cannot be read \(EACCES\) \(.*--landing\)$/,
    );
  });
});
