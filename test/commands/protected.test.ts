import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { LandfallError } from '../../src/model/errors.ts';
import { makeKeyFile, readKeyFile } from '../../src/protection/key-file.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { bindProtection } from '../../src/ingest/bind-protection.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName, feedFileText, type Row } from '../helpers/feed-files.ts';
import { FEED_FOLDER, openDesk } from '../helpers/ingest.ts';
import { visit } from '../helpers/rows.ts';
import { tempFolder } from '../helpers/temp.ts';

const PROTECTED = loadFeed(FEED_FOLDER, 'protected');
const NAME = feedFileName('Visit', '20260801_060000');
const ROWS: readonly Row[] = [
  visit('V1', 'none', { PatientID: 'ZQid', PatientName: 'ZQname', PatientPhone: 'ZQphone', PatientAddress: 'ZQroad' }),
  visit('V2', 'none', { PatientID: 'ZQid', PatientName: '', TotalCharge: 'much' }),
];

/** Runs the command line; gives its exit code and what it wrote, an error in the place of standard error. */
async function run(cwd: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = { ...captureIo(), cwd };
  try {
    return { code: await runCommandLine(args, { open: () => io }), ...io.written };
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error;
    return { code: 1, out: io.written.out, err: error.message };
  }
}

/** A folder with a key, a file of visits, and a database in which one of them waits and one was rejected. */
async function desk() {
  const folder = tempFolder();
  makeKeyFile(join(folder, 'key'));
  makeKeyFile(join(folder, 'other'));
  const key = readKeyFile(join(folder, 'key'));
  const store = openDesk({ feed: PROTECTED });
  await bindProtection(store.store, PROTECTED, key);
  await store.ingest(store.write(NAME, feedFileText('Visit', ROWS)), { protection: key });
  mkdirSync(join(folder, 'drop'));
  writeFileSync(join(folder, 'drop', NAME), feedFileText('Visit', ROWS));
  return {
    folder,
    file: join(folder, 'drop', NAME),
    db: store.database.file,
    keyText: readFileSync(join(folder, 'key'), 'utf8'),
  };
}

const OF_FEED = ['--feed', FEED_FOLDER, '--env', 'protected'];

test('key new makes a key that its owner alone may read, and overwrites nothing', async () => {
  const folder = tempFolder();
  const made = await run(folder, 'key', 'new', 'key');
  const text = readFileSync(join(folder, 'key'), 'utf8');
  expect(made.code).toBe(0);
  expect(made.out).toContain(`its fingerprint is ${readKeyFile(join(folder, 'key')).fingerprint}`);
  expect(made.out).not.toContain(text.trim().split(':')[1]);
  expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o600);
  expect(await run(folder, 'key', 'new', 'key')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/key is there already \(a key is never overwritten: choose another name\)$/) as string,
  });
  expect(readFileSync(join(folder, 'key'), 'utf8')).toBe(text);
  expect(readdirSync(folder)).toEqual(['key']);
});

describe('P9: rejects', () => {
  test('needs no key, and shows what was sent with --raw and the key alone', async () => {
    const { folder, db } = await desk();
    const of = ['rejects', ...OF_FEED, '--db', db];
    for (const more of [[], ['--raw'], ['--raw', '--json'], ['--raw', '--csv'], ['--raw', '--key-file', 'other']]) {
      const { code, out, err } = await run(folder, ...of, ...more);
      expect(code, more.join(' ')).toBe(0);
      expect(out, more.join(' ')).toContain('missing_parent');
      expect(`${out}${err}`, more.join(' ')).not.toContain('ZQ');
    }
    for (const how of [[], ['--json'], ['--csv']]) {
      const { code, out } = await run(folder, ...of, '--raw', '--key-file', 'key', ...how);
      expect(code).toBe(0);
      for (const value of ['ZQid', 'ZQname', 'ZQphone', 'ZQroad', 'much']) expect(out).toContain(value);
    }
  });
});

describe('P9: check', () => {
  test('says with the key what an ingest would do, and shows no value', async () => {
    const { folder, file, db } = await desk();
    const with_ = await run(folder, 'check', ...OF_FEED, '--db', join(folder, 'none.sqlite'), '--key-file', 'key', file);
    expect(with_).toMatchObject({ code: 3, out: expect.stringContaining('2 rows: 0 inserted') as string });
    expect(with_.out).toMatch(/1 rejected, 1 waiting/);
    expect(JSON.stringify(with_)).not.toContain('ZQ');
    expect(await run(folder, 'check', ...OF_FEED, '--db', db, '--key-file', 'key', file)).toMatchObject({ code: 0 });
  });

  test.each([
    ['no key', [], /^the feed protects columns of visits \(patient_id, .*\), and no key is named \(name its file with --key-file/],
    ['one that is not there', ['--key-file', 'nowhere'], /nowhere: there is no such file \(make one with: landfall key new FILE\)$/],
    ['one that everybody may read', ['--key-file', 'open'], /open: every user of this machine may read it \(run: chmod 600 FILE\)$/],
    ['a file that is none', ['--key-file', 'text'], /text is not a key file \(make one with: landfall key new FILE\)$/],
    ['another key than that of the rows', ['--key-file', 'other'], /the rows of visits in the database are protected under the key [0-9a-f]{16}, and the one at hand is [0-9a-f]{16}/],
  ])('with %s is one clear error, and nothing is shown of the file', async (_, flags, problem) => {
    const { folder, file, db, keyText } = await desk();
    writeFileSync(join(folder, 'open'), keyText);
    chmodSync(join(folder, 'open'), 0o644);
    writeFileSync(join(folder, 'text'), 'ZQ-secret', { mode: 0o600 });
    const { code, out, err } = await run(folder, 'check', ...OF_FEED, '--db', db, ...flags, file);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(problem);
    expect(err).not.toContain('ZQ');
  });
}); // prettier-ignore

describe('P9: preview', () => {
  test('hides protected columns without a key, and shows with one what would be stored', async () => {
    const { folder, file } = await desk();
    const hidden = await run(folder, 'preview', ...OF_FEED, '--format', 'csv', file);
    expect(hidden.code).toBe(0);
    expect(hidden.out).not.toContain('ZQ');
    expect(hidden.out).toContain('(protected)');
    expect(hidden.out.split('\r\n')[1]).toMatch(/^V1,none,\(protected\),\(protected\),/);
    expect(hidden.err).toContain('patient_id, patient_name, date_of_birth, patient_phone, patient_address hidden: --key-file shows');
    const stored = await run(folder, 'preview', ...OF_FEED, '--format', 'csv', '--key-file', 'key', file);
    expect(stored.out).not.toContain('ZQ');
    const [, one = '', two = ''] = stored.out.split('\r\n');
    expect(one).toMatch(/^V1,none,[0-9a-f]{64},[0-9a-f]{64},/);
    // Equal values are equal; what is empty stays so; a value that the row is refused for is not protected, and shown.
    expect(two.split(',')[2]).toBe(one.split(',')[2]);
    expect(two.split(',')[3]).toBe('');
    expect(two).toContain('much');
    expect(await run(folder, 'preview', ...OF_FEED, '--key-file', 'nowhere', file)).toMatchObject({ code: 1, out: '' });
  });

  test('replaces every letter and digit where it cannot tell which field is which', async () => {
    const { folder } = await desk();
    const header = feedFileText('Visit', []).trimEnd();
    const short = `${header}\nV1|P1|ZQ7|too short\n`;
    const files: readonly [string, string, string[]][] = [
      // A row that was not split as the header says.
      [NAME, short, []],
      // A file without a header, one whose header lacks a column, one that is read as no dataset, and one whose name is nearly right.
      [NAME, 'V1|P1|ZQ7|ZQname|1980-01-01\n', []],
      [NAME, `${header.replace('VisitDate|', '')}\nV1|P1|ZQ7|ZQname\n`, []],
      [NAME, short, ['--header-lines', '0', '--delimiter', '|']],
      [NAME.replace('Visit_[', 'visit_['), short, []],
      [NAME.replace('Visit_[', 'Visits_['), short, []],
    ];
    for (const [name, text, flags] of files) {
      writeFileSync(join(folder, name), text);
      const { out, err } = await run(folder, 'preview', ...OF_FEED, '--all', ...flags, '--key-file', 'key', join(folder, name));
      expect(`${out}${err}`, `${name} ${flags.join(' ')}`).not.toContain('ZQ');
      expect(out, `${name} ${flags.join(' ')}`).toContain('XX1');
    }
    // A feed that protects nothing, and a file of no feed, are shown as they are.
    writeFileSync(join(folder, NAME), short);
    writeFileSync(join(folder, 'any.csv'), 'a,b\nZQ7,1\n');
    expect((await run(folder, 'preview', '--feed', FEED_FOLDER, '--all', join(folder, NAME))).out).toContain('ZQ7');
    expect((await run(folder, 'preview', ...OF_FEED, join(folder, 'any.csv'))).out).toContain('ZQ7');
  });
}); // prettier-ignore
