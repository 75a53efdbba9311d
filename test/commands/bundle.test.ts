import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundle } from '../../src/commands/bundle.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { lookAlike } from '../../src/ingest/look-alike.ts';
import { createBilling, findLeak } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileText } from '../helpers/feed-files.ts';
import { FEED_FILE, openDesk, ROOT } from '../helpers/ingest.ts';

describe('bundle', () => {
  test('P8: holds what whoever helps needs, readable for its owner alone, and neither a value nor a secret', async () => {
    const desk = openDesk();
    const billing = createBilling(3);
    const visit = billing.visit(billing.procedure());
    await desk.deliver('Visit', '20260801_060000', [visit, 'ZQX|short']);
    // One lacks a column, the other is no text: its look-alike is not refused for the same reason, or says nothing.
    await desk.deliver('Visit', '20260802_060000', [visit], { columns: ['VisitID', 'PatientName', 'ZQX Smith'] });
    await desk.ingest(desk.write('HospitalABC_VisitPay_Visit_[20260803_060000].txt', new Uint8Array(600).fill(1)));
    const secret = join(desk.folder, 'hook');
    writeFileSync(secret, 'https://hooks.example/SECRET');
    const log = join(desk.folder, 'log');
    writeFileSync(log, 'line one\nline two\n');
    const io = captureIo();
    const out = join(desk.folder, 'b.tar.gz');
    const flags = {
      db: desk.database.file,
      landing: desk.landing,
      alert_webhook: secret,
      ping_url: 'https://ping.example/SECRET',
    };
    expect(await bundle({ out, log, sources: { flags, env: {}, cwd: ROOT, root: ROOT } }, io)).toBe(0);
    expect(statSync(out).mode & 0o777).toBe(0o600);

    execFileSync('tar', ['-xzf', out, '-C', desk.folder]);
    const names = [
      'about.json',
      'settings.json',
      'schema.sql',
      'status.json',
      'ledger.json',
      'alerts.json',
      'log-tail.txt',
    ];
    const alike = readdirSync(join(desk.folder, 'look-alikes'));
    expect(alike[0]).toBe('01-not_text.txt');
    expect(alike).toContain('02-missing_column.txt');
    const contents = [...names, ...alike.map((name) => `look-alikes/${name}`)].map((name) =>
      readFileSync(join(desk.folder, name), 'utf8'),
    );
    expect(contents[1]).toContain('https://ping.example/***');
    expect(contents[2]).toContain('CREATE TABLE visits');
    expect(contents[4]).toContain('"missing_column"');
    expect(contents[6]).toBe('line one\nline two\n');
    expect(contents.at(-1)).toContain('VisitID|PatientName|');
    expect(findLeak(contents.join('\n'))).toBeNull();
    expect(contents.join('\n')).not.toContain('SECRET');
    await expect(bundle({ out, log, sources: { flags, env: {}, cwd: ROOT, root: ROOT } }, io)).rejects.toThrow(
      'is there already',
    );
  });
});

test('P8: a look-alike keeps the shape of a file and its known headers, and no letter or digit of a value', () => {
  const visits = loadFeed(FEED_FILE).datasets.find(({ name }) => name === 'Visit');
  if (visits === undefined) throw new Error('the feed has visits');
  const text = feedFileText('Visit', [
    { VisitID: 'V77', PatientName: 'Zoë "Ω" Smith', TotalCharge: '1,234.50' },
    'Status|only',
  ]);
  const [header, row, other] = lookAlike(Buffer.from(text), visits).toString().split('\n');
  expect(header).toBe(text.split('\n')[0]);
  expect(row).toBe('X11|||"Xxx ""X"" Xxxxx"|||||||||1,111.11|');
  expect(other).toBe('Xxxxxx|xxxx');
  expect(lookAlike(Buffer.from([0x53, 0x6d, 0xe9, 0x7c, 0x39]), visits).toString('latin1')).toBe('Xxx|1');
});
