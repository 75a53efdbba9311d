import { parse } from 'csv-parse/sync';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { previewFiles } from '../../src/commands/preview.ts';
import type { Feed } from '../../src/model/feed.ts';
import { tempFolder } from '../helpers/temp.ts';
import { datasetOf, FOUND } from './reading.ts';

const FEED: Feed = {
  name: 'visits',
  folder: '',
  values: {},
  hash: '',
  naming: { kind: 'prefix', prefix: 'Hospital_', extension: '.txt' },
  compressed: false,
  datasets: [datasetOf('Visit', ['VisitID', 'PatientName', 'TotalCharge'])],
  format: FOUND,
  maxBadRows: 0.5,
};

type Options = Parameters<typeof previewFiles>[1];

/** Previews files of these contents, and gives what was written where. */
async function run(contents: Record<string, string | Buffer>, options: Options = {}, columns: number | null = null) {
  const folder = tempFolder();
  const paths = Object.entries(contents).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
  let out = '';
  let err = '';
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      out += chunk.toString();
      done();
    },
  });
  const code = await previewFiles(paths, options, {
    stdout,
    columns,
    stderr: { write: (text) => (err += text) },
    feed: FEED,
  });
  return { code, out, err, folder };
}

describe('preview', () => {
  test('CSV output is RFC 4180 and says what the file says', async () => {
    const rows = [
      ['name', 'note'],
      ['Smith, "Jo"', 'two\r\nlines'],
      ['', ' spaced '],
    ];
    const { code, out, err } = await run(
      { 'a.txt': 'name;note\n"Smith, ""Jo""";"two\r\nlines"\n; spaced \n' },
      { format: 'csv' },
    );
    expect(out).toBe('name,note\r\n"Smith, ""Jo""","two\r\nlines"\r\n, spaced \r\n');
    expect(parse(out)).toEqual(rows);
    expect(err).toContain('a.txt: utf-8, delimiter ";", quote ", doubled, lf; header in line 1, 2 columns');
    expect(code).toBe(0);
  });

  test('a column of one empty field is not a blank line in CSV', async () => {
    const { out } = await run({ 'a.txt': 'name\n"x"\n' }, { format: 'csv', headerLines: 0, all: true });
    expect(out).toBe('field_1\r\nname\r\nx\r\n');
  });

  test('NDJSON names the fields by the header, and gives the line', async () => {
    const { out } = await run({ 'a.txt': 'id,name,name,\n1,x,y,z\n' }, { format: 'ndjson' });
    expect(JSON.parse(out)).toEqual({ line: 2, row: { id: '1', name: 'x', name_2: 'y', field_4: 'z' } });
  });

  test('on a terminal a table that is too wide is shown a field a line', async () => {
    const content = 'a-name;another\n1;two words\n2;\n3;4;5\n';
    expect((await run({ 'a.txt': content }, { all: true }, 30)).out).toBe(
      '    line  a-name  another\n--------  ------  ---------\n       2  1       two words\n       3  2\n     ! 4  3       4          5\n',
    );
    expect((await run({ 'a.txt': content }, { all: true }, 24)).out).toBe(
      'line 2\n  a-name   1\n  another  two words\nline 3\n  a-name   2\n  another\n' +
        '! line 4\n  a-name   3\n  another  4\n           5\n',
    );
  });

  test('the table format is aligned and escapes control characters', async () => {
    const { out } = await run({ 'a.txt': 'id,name\n1,\u001b[2Jx\u0007\n22,y\n' });
    const lines = [
      '    line  id  name',
      '--------  --  ------------',
      '       2  1   \\x1b[2Jx\\x07',
      '       3  22  y',
      '',
    ];
    expect(out).toBe(lines.join('\n'));
  });

  test('refused rows are named on standard error without their values (P8), and printed with --all', async () => {
    const file = { 'a.txt': 'id,name\n1,Smith\n2,Jones,x\n' };
    const plain = await run(file, { format: 'ndjson' });
    expect(plain.code).toBe(3);
    expect(plain.out).not.toContain('Jones');
    expect(plain.err).toContain('line 3: field_count: 3 fields instead of 2');
    expect(plain.err).not.toMatch(/Smith|Jones/);
    const all = await run(file, { format: 'ndjson', all: true });
    expect(
      all.out
        .trim()
        .split('\n')
        .map((line) => z.unknown().parse(JSON.parse(line))),
    ).toEqual([
      { line: 2, row: { id: '1', name: 'Smith' } },
      { line: 3, refused: 'field_count', fields: ['2', 'Jones', 'x'] },
    ]);
  });

  test('every option of the dialect is heeded', async () => {
    const { out, err } = await run(
      { 'a.bin': Buffer.from("title\rid;name\r1;'a\\';b'\r2;\xe9\n", 'latin1') },
      {
        ...{ delimiter: ';', quote: "'", escape: 'backslash', encoding: 'windows-1252', newline: 'cr' },
        ...{ skipLines: 1, headerLines: 1, format: 'csv' },
      },
    );
    expect(out).toBe('id,name\r\n1,a\';b\r\n2,"é\n"\r\n');
    expect(err).toContain(`windows-1252, delimiter ";", quote ', backslash, cr; header in line 2, 2 columns`);
  });

  test('a tab can be named, a wrong option is refused with all that is wrong', async () => {
    expect((await run({ 'a.txt': 'a\tb\n1\t2\n' }, { delimiter: '\\t', format: 'csv' })).out).toContain('1,2');
    await expect(run({ 'a.txt': 'a' }, { delimiter: '', skipLines: -1 })).rejects.toThrow(
      /--delimiter .*; --skip-lines must be a whole number/,
    );
  });

  test('a file of the feed is read as its dataset: titles are left out, unknown columns named', async () => {
    const name = 'Hospital_Visit_20260801_060000.txt';
    const text = 'Visits of August\nVisit ID,Ward,Patient Name,Total Charge\nV1,7A,Smith,1.00\n';
    const { out, err, code } = await run({ [name]: text }, { format: 'csv' });
    expect(out).toBe('Visit ID,Ward,Patient Name,Total Charge\r\nV1,7A,Smith,1.00\r\n');
    expect(err).toContain('header in line 2 of Visit, 4 columns, not known: "Ward"');
    expect(code).toBe(0);
  });

  test('a file of the feed that is not as its dataset is shown all the same', async () => {
    const { out, err, code } = await run(
      { 'Hospital_Visit_20260801_060000.txt': 'VisitID,TotalCharge\nV1,1.00\n' },
      { format: 'csv' },
    );
    expect(err).toContain('missing_column: the header in line 1 lacks PatientName');
    expect(out).toBe('VisitID,TotalCharge\r\nV1,1.00\r\n');
    expect(code).toBe(3);
  });

  test('what is not text is refused, and the next file is printed', async () => {
    const { out, err, code } = await run({ 'a.pdf': '%PDF-1.7', 'b.txt': 'x,y\n1,2\n' }, { format: 'csv' });
    expect(err).toContain('a.pdf: not_text: the file is no text: a PDF document');
    expect(out).toBe('x,y\r\n1,2\r\n');
    expect(code).toBe(3);
  });

  test('a file name cannot fake a line on standard error', async () => {
    const { err } = await run({ 'a\nb.txt: all is well': 'x,y\n' });
    expect(err.split('\n')[0]).toContain('a\\nb.txt');
  });

  test('--out writes one file each, for their owner alone, and overwrites none', async () => {
    const out = join(tempFolder(), 'new');
    const files = { 'a.txt': 'x,y\n1,2\n', 'b.txt': 'x;y\n3;4\n' };
    const { out: printed } = await run(files, { format: 'csv', out });
    expect(printed).toBe('');
    expect(readFileSync(join(out, 'a.txt.csv'), 'utf8')).toBe('x,y\r\n1,2\r\n');
    expect(readFileSync(join(out, 'b.txt.csv'), 'utf8')).toBe('x,y\r\n3,4\r\n');
    expect(statSync(join(out, 'a.txt.csv')).mode & 0o077).toBe(0);
    await expect(run(files, { format: 'csv', out })).rejects.toThrow('EEXIST');
  });

  test('a file that is not there, or no file, is refused before anything is printed', async () => {
    const folder = tempFolder();
    const written: string[] = [];
    const io = {
      stdout: new Writable({
        write(chunk: Buffer, _encoding, done) {
          written.push(chunk.toString());
          done();
        },
      }),
      stderr: { write: () => true },
      feed: FEED,
    };
    writeFileSync(join(folder, 'a.txt'), 'x,y\n');
    await expect(previewFiles([join(folder, 'a.txt'), join(folder, 'none')], {}, io)).rejects.toThrow(
      'cannot be opened',
    );
    await expect(previewFiles([join(folder, 'a.txt'), folder], {}, io)).rejects.toThrow('is not a regular file');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(previewFiles([join(folder, 'pipe')], {}, io)).rejects.toThrow('is not a regular file');
    expect(written).toEqual([]);
  });

  describe('the reader of the output', () => {
    const file = (): string => {
      const path = join(tempFolder(), 'big.txt');
      writeFileSync(path, `id,text\n${'1,some text that is long enough\n'.repeat(50_000)}`);
      return path;
    };

    test('is waited for when it is slow: little is held', async () => {
      let most = 0;
      let bytes = 0;
      const stdout: Writable = new Writable({
        highWaterMark: 1024,
        write(chunk: Buffer, _encoding, done) {
          bytes += chunk.length;
          most = Math.max(most, stdout.writableLength);
          setImmediate(done);
        },
      });
      const path = file();
      await previewFiles([path], { format: 'csv' }, { stdout, stderr: { write: () => true }, feed: FEED });
      expect(bytes).toBeGreaterThan(1_500_000);
      expect(most).toBeLessThan(300_000);
    });

    test.each(['EPIPE', 'EIO'])('may go away (%s)', async (code) => {
      let writes = 0;
      const stdout = new Writable({
        write(_chunk, _encoding, done) {
          done(++writes === 2 ? Object.assign(new Error(code), { code }) : null);
        },
      });
      const path = file();
      const err: string[] = [];
      const io = { stdout, stderr: { write: (text: string) => err.push(text) }, feed: FEED };
      const ending = previewFiles([path, path], { format: 'csv' }, io);
      if (code === 'EIO') await expect(ending).rejects.toThrow('EIO');
      else expect(await ending).toBe(0);
      expect(writes).toBe(2);
      expect(err.filter((text) => text.startsWith(basename(path)))).toHaveLength(1);
    });
  });
});
