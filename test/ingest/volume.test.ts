import { describe, expect, test } from 'vitest';
import { accept } from '../../src/commands/accept.ts';
import { readDataConditions } from '../../src/findings/data-conditions.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { volumeProblem } from '../../src/ingest/volume.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedWith } from '../helpers/expecting.ts';
import { feedFileName } from '../helpers/feed-files.ts';
import { type Desk, openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure } from '../helpers/rows.ts';

const rowsOf = (many: number): ReturnType<typeof procedure>[] =>
  Array.from({ length: many }, (_, at) => procedure(`P${at}`));

const CUT = feedFileName('Procedure', '20260820_060000');

/** A desk on which five files of 60 to 70 rows were delivered, then one of 19: it was cut at a line end. */
async function deliverCut(rule: string): Promise<{ desk: Desk; path: string; outcome: unknown }> {
  const { path, feed } = feedWith({ Procedure: [rule] });
  const desk = openDesk({ feed });
  for (const [day, many] of [60, 65, 70, 64, 66].entries())
    await desk.deliver('Procedure', `2026080${day + 1}_060000`, rowsOf(many));
  const outcome = await desk.deliver('Procedure', '20260820_060000', [...rowsOf(18), procedure('new')]);
  return { desk, path, outcome };
}

/** The ids of what people are told of. */
async function told({ database, feed }: Desk): Promise<string[]> {
  const now = new Date('2026-08-20T12:00:00Z');
  const { conditions } = await readDataConditions({ db: database.file, feed, alertRejected: 0.05 }, 'here', now);
  return conditions.map(({ id }) => id);
}

const SAID = '19 rows; the last 5 files had 60 to 70 (median 65)';

describe('a file of 19 rows where 60 to 70 are usual', () => {
  test('is loaded with a warning', async () => {
    const { desk, outcome } = await deliverCut('rows: { change: 60% }');
    expect(outcome).toMatchObject({ kind: 'ingested', warnings: { volume: { count: 19, lines: [], note: SAID } } });
    expect(
      desk.column("SELECT json_extract(warnings, '$.volume.note') FROM files ORDER BY file_id DESC LIMIT 1"),
    ).toEqual([SAID]);
    expect(await told(desk)).toEqual([`volume:${CUT}:1`]);
  });

  test('P6: is held where the feed says so, nothing of it loaded, until someone accepts this content', async () => {
    const { desk, path, outcome } = await deliverCut('rows: { change: 60%, severity: quarantine }');
    expect(outcome).toMatchObject({ kind: 'quarantined', code: 'volume', reason: SAID });
    const isIn = (): unknown => desk.column("SELECT count(*) FROM procedures WHERE procedure_id = 'new'")[0];
    expect(isIn()).toBe(0);
    expect(await told(desk)).toEqual([`held:${CUT}:1`]);
    expect(await desk.deliver('Procedure', '20260820_060000', [...rowsOf(18), procedure('new')])).toMatchObject({
      kind: 'quarantined',
    });

    const io = captureIo();
    const settings = readSettings({ flags: { db: desk.database.file, feed: path }, env: {}, cwd: ROOT, root: ROOT });
    expect(await accept({ settings, names: [CUT], by: 'on call', reason: 'a holiday' }, io)).toBe(0);
    expect(io.written.out).toContain(`accepted ${CUT} (volume): it is read again`);
    expect(desk.rows('SELECT name, code, decided_by, reason FROM decisions')).toEqual([
      { name: CUT, code: 'volume', decided_by: 'on call', reason: 'a holiday' },
    ]);
    expect([...(await desk.store.pendingRetries()).keys()]).toEqual([CUT]);
    // Other content is another matter.
    expect(await desk.deliver('Procedure', '20260820_060000', rowsOf(18))).toMatchObject({ kind: 'quarantined' });
    expect(await desk.deliver('Procedure', '20260820_060000', [...rowsOf(18), procedure('new')])).toMatchObject({
      kind: 'ingested',
      warnings: {},
    });
    expect(isIn()).toBe(1);
  });

  test('what is neither held nor warned of cannot be accepted', async () => {
    const { path, feed } = feedWith({});
    const desk = openDesk({ feed });
    await desk.deliver('Procedure', '20260801_060000', rowsOf(3));
    const io = captureIo();
    const settings = readSettings({ flags: { db: desk.database.file, feed: path }, env: {}, cwd: ROOT, root: ROOT });
    const names = [feedFileName('Procedure', '20260801_060000'), 'other.txt'];
    expect(await accept({ settings, names, by: 'x' }, io)).toBe(1);
    expect(io.written.err.match(/is neither held nor warned of/g)).toHaveLength(2);
    expect(desk.rows('SELECT * FROM decisions')).toEqual([]);
  });
});

test('a number of rows is out of line below the minimum, or from five files on too far from their median', () => {
  const rule = { min: null, change: 0.6, severity: 'warn' } as const;
  expect(volumeProblem(rule, 1, [100, 100, 100, 100])).toBeNull();
  expect(volumeProblem(rule, 40, [100, 100, 100, 100, 100])).toBeNull();
  expect(volumeProblem(rule, 39, [100, 100, 100, 100, 100])).toContain('39 rows; the last 5 files had 100 to 100');
  expect(volumeProblem(rule, 161, [100, 90, 110, 1, 100, 500])).toContain('median 100');
  expect(volumeProblem({ ...rule, change: null, min: 10 }, 9, [])).toBe('9 rows; at least 10 are expected');
  expect(volumeProblem({ ...rule, change: null, min: 10 }, 10, [])).toBeNull();
});
