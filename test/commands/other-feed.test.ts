import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/commands/check.ts';
import { files } from '../../src/commands/files.ts';
import { rejects } from '../../src/commands/rejects.ts';
import { performRetry } from '../../src/worker/retry-job.ts';
import { status } from '../../src/commands/status.ts';
import { verify } from '../../src/commands/verify.ts';
import type { CommandIo } from '../../src/system/io.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { noteUnread } from '../../src/store/sqlite/ledger.ts';
import { captureIo } from '../helpers/command-io.ts';
import { copyFeed } from '../helpers/feed-folder.ts';
import { openDesk, ROOT, type Desk } from '../helpers/ingest.ts';
import { procedure } from '../helpers/rows.ts';
import { supervised } from '../helpers/supervised.ts';

const ALL = { state: [], code: [], file: null, since: null, limit: null, json: false, csv: false, raw: false };
const NAME = 'HospitalABC_VisitPay_Procedure_[20260801_060000].txt';

const COMMANDS: [string, (settings: Settings, io: CommandIo) => Promise<number>][] = [
  ['status', (settings, io) => status({ settings, json: false, check: false }, io)],
  ['files', (settings, io) => files({ ...ALL, settings }, io)],
  ['rejects', (settings, io) => rejects({ ...ALL, settings }, io)],
  ['verify', (settings, io) => verify({ settings, json: false }, io)],
  ['check', (settings, io) => check({ ...ALL, settings, files: [join(settings.landing, NAME)] }, io)],
  ['retry', (settings, io) => performRetry(supervised(settings, io), [NAME])],
];

/** The settings of a feed that has the tables of the shipped one and another name. */
function settingsOf(desk: Desk): Settings {
  const feed = copyFeed({ definition: (yaml) => yaml.replace('feed: visitpay', 'feed: other') });
  return readSettings({
    flags: { db: desk.database.file, feed, landing: desk.landing },
    env: {},
    cwd: ROOT,
    root: ROOT,
  });
}

describe.each(COMMANDS)("%s on another feed's database says so, and what to do", (_, run) => {
  const refusal =
    /belongs to the feed visitpay, not to other \(name another database with --db, another feed with --feed/;

  test('one with files', async () => {
    const desk = openDesk();
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    const io = captureIo();
    await expect(async () => run(settingsOf(desk), io)).rejects.toThrow(refusal);
    expect(io.written.out).toBe('');
  });

  test('one that lists but a name that is not taken', async () => {
    const desk = openDesk();
    desk.write(NAME, 'ProcedureID|ProcedureCode\n');
    const stat = { bytes: 1, mtimeNs: 0n, ctimeNs: 0n, inode: 1n };
    const unread = {
      state: 'unrecognised',
      code: 'bad_dataset',
      reason: 'x',
      dataset: null,
      stamp: null,
      stat,
    } as const;
    noteUnread(desk.database, [{ ...unread, name: 'a' }], new Date());
    await expect(async () => run(settingsOf(desk), captureIo())).rejects.toThrow(refusal);
  });
});

test('a database that lacks tables of the feed may be of another one', async () => {
  const desk = openDesk();
  desk.db.exec('DROP TABLE transactions');
  await expect(async () =>
    status({ settings: settingsOf(desk), json: false, check: false }, captureIo()),
  ).rejects.toThrow(
    'has no table transactions (start the daemon once with this feed, which sets it up, or name another database or feed)',
  );
});
