import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { accept } from '../../src/commands/accept.ts';
import { check } from '../../src/commands/check.ts';
import { files } from '../../src/commands/files.ts';
import { preview } from '../../src/commands/preview.ts';
import { schema } from '../../src/commands/schema.ts';
import { status } from '../../src/commands/status.ts';
import type { Feed } from '../../src/model/feed.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { openReader } from '../../src/store/open.ts';
import { performOnce } from '../../src/worker/once-job.ts';
import { performRefill } from '../../src/worker/refill-job.ts';
import { billsFeed, billsFile, MARKED_NAME, TWINS } from '../helpers/bills-feed.ts';
import { captureIo, type CapturedIo } from '../helpers/command-io.ts';
import { ROOT } from '../helpers/ingest.ts';
import { supervised } from '../helpers/supervised.ts';
import { tempFolder } from '../helpers/temp.ts';

const ALL = { state: [], code: [], file: null, since: null, limit: 0 };
const TWICE = billsFile(`B1,${MARKED_NAME},1.00`, 'B2,other,2.00', `B3,${MARKED_NAME},1.00`);
const NAME = 'bill/bills_20260801.csv';

/** A landing folder with one file, and the commands on it. */
function openPlace(feed: Feed, text: string) {
  const folder = tempFolder();
  const landing = join(folder, 'landing');
  mkdirSync(join(landing, 'bill'), { recursive: true });
  writeFileSync(join(landing, NAME), text);
  const flags = { db: join(folder, 'db/bills.sqlite'), feed: feed.folder, landing, settle: '0', log_format: 'json' };
  const settings = readSettings({ flags, env: {}, cwd: ROOT, root: ROOT });
  const written: string[] = [];
  const run = async (command: (settings: Settings, io: CapturedIo) => Promise<number>, on = settings) => {
    const io = captureIo();
    const code = await command(on, io);
    const said = io.written.out + io.written.err;
    written.push(said);
    return { code, said };
  };
  return {
    ...{ folder, landing, settings, written, run },
    once: (on = settings) => run((one, io) => performOnce(supervised(one, io)), on),
    check: () => run((one, io) => check({ settings: one, files: [join(landing, NAME)], json: false, raw: false }, io)),
    files: () => run((one, io) => files({ ...ALL, settings: one, json: false }, io)),
    status: (json = false) => run((one, io) => status({ settings: one, json, check: false }, io)),
    assess: () => run((one, io) => status({ settings: one, json: false, check: true, data: true }, io)),
    accept: (name: string) => run((one, io) => accept({ settings: one, names: [name], by: 'on call' }, io)),
  };
}

async function rowsIn({ db }: Settings, feed: Feed): Promise<unknown> {
  const reader = await openReader(db, feed);
  try {
    return (await reader.status(1)).datasets;
  } finally {
    await reader.close();
  }
}

test('a preview foretells what the checks on the rows of a file find, without a database', async () => {
  const checks = '[{ name: twins }, { name: named, severity: warn }]';
  const named = "SELECT source_line FROM incoming WHERE patient_name = 'other'";
  const place = openPlace(billsFeed(checks, { twins: TWINS, named }), TWICE);
  const show = (settings: Settings, io: CapturedIo) =>
    preview({ settings, files: [join(place.landing, NAME)], flags: {} }, io);
  const io = captureIo();
  expect(await show(place.settings, io)).toBe(3);
  expect(io.written.err).toContain('check twins: line 4 (would hold the file)');
  expect(io.written.err).toContain('check named: line 3 (would warn)');
  expect(io.written.err).not.toContain(MARKED_NAME);
  const onServer = captureIo();
  expect(await show({ ...place.settings, db: 'postgres://nobody@localhost/none' }, onServer)).toBe(0);
  expect(onServer.written.err).toContain('checks not run, since they are run on the server');
});

describe('a file that a check holds', () => {
  test('is told by every command, goes in by accept, and a refill ends the same', async () => {
    const feed = billsFeed('[{ name: twins }]', { twins: TWINS });
    const place = openPlace(feed, TWICE);
    expect(await place.check()).toMatchObject({
      code: 3,
      said: expect.stringContaining('(check): twins: line 4') as string,
    });
    expect((await place.once()).code).toBe(3);
    expect((await place.files()).said).toContain('check: twins: line 4');
    expect((await place.status()).said).toContain('twins: line 4');
    expect((await place.status(true)).said).toContain(`"id": "held:${NAME}:1"`);
    expect(await place.assess()).toMatchObject({ code: 2, said: expect.stringContaining('1 held') as string });

    // By its path, as the shell completes it.
    expect(await place.accept(join(place.landing, NAME))).toMatchObject({
      ...{ code: 0, said: expect.stringContaining(`accepted ${NAME} (check): it is read again`) as string },
    });
    expect(await place.check()).toMatchObject({ code: 0, said: expect.stringContaining('3 inserted') as string });
    expect((await place.once()).code).toBe(0);
    expect((await place.files()).said).not.toContain('twins');
    expect((await place.assess()).code).toBe(0);

    const other = { ...place.settings, db: join(place.folder, 'other/bills.sqlite') };
    const archive = join(place.folder, 'db/archive');
    expect((await place.run((one, io) => performRefill(supervised(one, io), [archive]), other)).code).toBe(0);
    expect(await rowsIn(other, feed)).toEqual(await rowsIn(place.settings, feed));
    // What lies there is what is in: the decision is not asked for again.
    expect((await place.once({ ...other, archive })).code).toBe(0);
    expect(await rowsIn(other, feed)).toEqual(await rowsIn(place.settings, feed));
    expect(place.written.join('')).not.toContain(MARKED_NAME);
  });

  test('is tried again when the check has changed', async () => {
    const feed = billsFeed('[{ name: twins }]', { twins: TWINS });
    const place = openPlace(feed, TWICE);
    expect((await place.once()).code).toBe(3);
    expect((await place.once()).code).toBe(0);
    writeFileSync(join(feed.folder, 'checks/sqlite/twins.sql'), 'SELECT 1 FROM incoming WHERE 0');
    await place.once();
    expect((await place.assess()).code).toBe(0);
  });
});

test('what checks warn of is told by files, status and check, until it is accepted', async () => {
  const checks = '[{ name: twins, severity: warn }, { name: many, on: tables }]';
  const place = openPlace(billsFeed(checks, { twins: TWINS, many: 'SELECT bill_id FROM bills' }), TWICE);
  const foretold = await place.check();
  expect(foretold.code).toBe(0);
  expect(foretold.said).toContain('warning twins: line 4: check: ');
  expect(foretold.said).toContain('not run here, since it is run on the whole tables: many');
  expect((await place.once()).code).toBe(0);
  expect((await place.files()).said).toContain('warning: check (twins: line 4; many: 3 rows)');
  expect((await place.status()).said).toContain('check (twins: line 4; many: 3 rows)');
  expect((await place.status(true)).said).toContain(`"id": "check:${NAME}:1"`);
  expect((await place.assess()).code).toBe(2);
  expect((await place.accept(NAME)).said).toContain('no longer told of');
  expect((await place.assess()).code).toBe(0);
  expect(place.written.join('')).not.toContain(MARKED_NAME);
});

describe('a rule', () => {
  const columns = (severity: string): string => `
      - { header: id, name: bill_id, type: id }
      - { header: name, name: patient_name, type: text }
      - { header: amount, name: amount_cents, type: money, max: 5${severity} }`;
  const DEAR = billsFile('B1,one,1.00', `B2,${MARKED_NAME},9.00`, 'B3,three,3.00');

  test.each([
    {
      ...{ title: 'by default rejects the row', severity: '', code: 3, data: 2 },
      told: { check: 'reject  line 3: above_max', files: '3\t2\t0\t0\t0\t1\t0', status: 'above_max' },
    },
    {
      ...{ title: 'warns', severity: ', severity: warn', code: 0, data: 0 },
      told: { check: 'warning line 3: above_max', files: 'above_max (line 3)', status: 'above_max (line 3)' },
    },
    {
      ...{ title: 'quarantines the file', severity: ', severity: quarantine', code: 3, data: 2 },
      told: { check: '(rule_broken): line 3', files: 'rule_broken: line 3', status: 'rule_broken' },
    },
  ])('$title; check foretells it, files and status tell it', async ({ severity, code, data, told }) => {
    const place = openPlace(billsFeed('[]', {}, columns(severity)), DEAR);
    const foretold = await place.check();
    expect(foretold).toMatchObject({ code, said: expect.stringContaining(told.check) as string });
    expect((await place.once()).code).toBe(code);
    expect((await place.files()).said).toContain(told.files);
    expect((await place.status()).said).toContain(told.status);
    expect((await place.assess()).code).toBe(data);
    expect(place.written.join('')).not.toContain(MARKED_NAME);
  });
});

test('schema and check tell what is wrong with checks, before anything is read', async () => {
  const place = openPlace(billsFeed('[{ name: wrong }]', { wrong: 'SELECT 1\nFROM nowhere' }), TWICE);
  const said = /checks\/sqlite\/wrong\.sql: line 2: no such table: nowhere/;
  await expect(place.run((one, io) => schema({ settings: one, action: 'print' }, io))).rejects.toThrow(said);
  await expect(place.check()).rejects.toThrow(said);
  await expect(place.once()).rejects.toThrow(said);
});
