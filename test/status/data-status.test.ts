import { describe, expect, test } from 'vitest';
import { status } from '../../src/commands/status.ts';
import type { Feed } from '../../src/model/feed.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { assessData, neededSince, type DataStatus } from '../../src/status/data-status.ts';
import { openReader } from '../../src/store/open.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedWith } from '../helpers/expecting.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';

const DAILY = "expect: { every: day, by: '08:00', grace: 2h }";

interface Expecting extends Desk {
  readonly path: string;
  at(now: string): Promise<DataStatus>;
}

/** A desk that was set up on the first of August. */
function openExpecting(lines: Parameters<typeof feedWith>[0]): Expecting {
  const { path, feed } = feedWith(lines);
  const desk = openDesk({ feed });
  desk.db.exec("UPDATE schema_migrations SET applied_at = '2026-08-01T00:00:00.000Z'");
  return { ...desk, path, at: (now) => dataOf(desk.database.file, feed, new Date(now)) };
}

async function dataOf(file: string, feed: Feed, now: Date): Promise<DataStatus> {
  const reader = await openReader(file, feed);
  try {
    return assessData(feed, await reader.deliveries(neededSince(feed, now)), 0.05, now);
  } finally {
    await reader.close();
  }
}

const ids = ({ conditions }: DataStatus): string[] => conditions.map(({ id }) => id);
const states = ({ datasets }: DataStatus): string[] =>
  datasets.flatMap(({ dataset, periods }) => periods.map(({ period, state }) => `${dataset} ${period} ${state}`));

describe('what was expected', () => {
  test('is overdue when the deadline and its grace are over, and no longer when it comes', async () => {
    const desk = openExpecting({ Procedure: [DAILY] });
    expect(states(await desk.at('2026-08-01T10:00:00Z'))).toEqual(['Procedure 2026-08-01 due']);
    const late = await desk.at('2026-08-01T10:00:00.001Z');
    expect(ids(late)).toEqual(['overdue:Procedure:2026-08-01']);
    expect(late.conditions[0]).toMatchObject({
      text: 'no Procedure file for 2026-08-01 has come; it was due 2026-08-01 08:00 UTC',
      since: '2026-08-01T10:00:00.000Z',
    });
    const file = desk.write(feedFileName('Procedure', '20260801_060000'), feedFileText('Procedure', [procedure('P1')]));
    await desk.ingest(file, { now: () => new Date('2026-08-01T11:00:00Z') });
    const after = await desk.at('2026-08-02T09:00:00Z');
    expect([ids(after), states(after)]).toEqual([[], ['Procedure 2026-08-01 late', 'Procedure 2026-08-02 due']]);
  });

  test('is told for two weeks, also of the days before a restart or an upgrade', async () => {
    const desk = openExpecting({ Procedure: [DAILY] });
    expect(ids(await desk.at('2026-08-03T12:00:00Z'))).toHaveLength(3);
    expect(ids(await desk.at('2026-09-30T12:00:00Z'))).toHaveLength(15);
  });

  test('makes a set that is incomplete where others have come, or one was refused', async () => {
    const desk = openExpecting({ Procedure: [DAILY], Visit: [DAILY], Transaction: [DAILY] });
    await desk.deliver('Procedure', '20260810_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260810_060000', ['no header'], { columns: ['x'] });
    const found = (await desk.at('2026-08-10T12:30:00Z')).conditions.filter(
      ({ id }) => id.includes('0810') || id.includes('08-10'),
    );
    expect(found.map(({ id }) => id)).toEqual([
      'overdue:Transaction:2026-08-10',
      'incomplete:2026-08-10',
      'quarantined:HospitalABC_VisitPay_Visit_[20260810_060000].txt:1',
    ]);
    expect(found[1]?.text).toBe('the set for 2026-08-10 is incomplete: Visit, Transaction not in, but Procedure');
  });

  test('a file of which too many rows were rejected needs someone, until it is corrected', async () => {
    const desk = openExpecting({});
    const good = Array.from({ length: 30 }, (_, at) => procedure(`P${at}`));
    await desk.deliver('Procedure', '20260810_060000', [...good, 'short|row', 'short|row']);
    const { conditions } = await desk.at('2026-08-10T13:00:00Z');
    expect(conditions.map(({ kind, text }) => [kind, text])).toEqual([
      ['rejected', '2 of the 32 rows of HospitalABC_VisitPay_Procedure_[20260810_060000].txt were rejected (6 %)'],
    ]);
    await desk.deliver('Procedure', '20260810_060000', [...good, procedure('P31')]);
    expect(ids(await desk.at('2026-08-10T13:00:00Z'))).toEqual([]);
  });

  test('of thousands of refused files the first fifty are told one by one', async () => {
    const desk = openExpecting({});
    const stat = { bytes: 1, mtimeNs: 0n, ctimeNs: 0n, inode: 1n };
    const about = { state: 'unrecognised', code: 'bad_name', reason: 'r', dataset: null, stamp: null, stat } as const;
    const names = Array.from({ length: 2_000 }, (_, at) => ({ name: `n${at}`, ...about }));
    await desk.store.noteUnread(names, new Date('2026-08-01T00:00:00Z'));
    const { conditions } = await desk.at('2026-08-01T01:00:00Z');
    expect(conditions).toHaveLength(51);
    expect(conditions.at(-1)).toMatchObject({ id: 'unrecognised:more', text: '1950 more files are unrecognised' });
  });
});

describe('status', () => {
  async function run(desk: Expecting, now: string, options: object): Promise<{ exitCode: number; text: string }> {
    const io = captureIo({ now: new Date(now) });
    const settings = readSettings({
      ...{ flags: { db: desk.database.file, feed: desk.path }, env: {} },
      ...{ cwd: ROOT, root: ROOT },
    });
    const exitCode = await status({ settings, json: false, check: false, ...options }, io);
    return { exitCode, text: io.written.out };
  }

  test('shows what is overdue and what is due next; --check --data is one line with exit code 2', async () => {
    const desk = openExpecting({ Procedure: [DAILY], Visit: ["expect: { every: week, on: friday, by: '06:00' }"] });
    await desk.deliver('Procedure', '20260801_060000', [procedure('P1')]);
    await desk.deliver('Visit', '20260801_060000', [visit('V1', 'P1')]);
    const check = { check: true, data: true };
    expect(await run(desk, '2026-08-01T12:00:00Z', check)).toEqual({
      exitCode: 0,
      text: 'all that was expected is in\n',
    });
    const now = '2026-08-03T12:00:00Z';
    expect(await run(desk, now, check)).toEqual({
      exitCode: 2,
      text: '2 overdue: no Procedure file for 2026-08-02 has come; it was due 2026-08-02 08:00 UTC, …\n',
    });
    const { exitCode, text } = await run(desk, now, {});
    expect(exitCode).toBe(0);
    expect(text).toContain('overdue\tno Procedure file for 2026-08-03 has come; it was due 2026-08-03 08:00 UTC\n');
    expect(text).toContain('Procedure\tday\t2026-08-01\t\nVisit\tweek\t2026-W31\t2026-08-07 06:00\n');
    const json = JSON.parse((await run(desk, now, { json: true })).text) as { conditions: { id: string }[] };
    expect(json.conditions.map(({ id }) => id)).toContain('overdue:Procedure:2026-08-02');
  });
});
