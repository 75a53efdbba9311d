import { describe, expect, test } from 'vitest';
import { check } from '../../src/commands/check.ts';
import { files } from '../../src/commands/files.ts';
import { status } from '../../src/commands/status.ts';
import { createEvents, emitOutcome } from '../../src/model/events.ts';
import { logFiles } from '../../src/output/event-log.ts';
import { createLog } from '../../src/output/log.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { captureIo } from '../helpers/command-io.ts';
import { feedFileName, feedFileText } from '../helpers/feed-files.ts';
import { type Desk, openDesk, ROOT } from '../helpers/ingest.ts';
import { procedure } from '../helpers/rows.ts';

/** A day's file, its last row `P2` with this description, cut off behind it. */
const DAY = feedFileText('Procedure', [procedure('P1'), { ...procedure('P2'), EffectiveDate: '2026-08-01' }]);
/** The same without its last line end, … */
const OPEN = DAY.trimEnd();
/** … and cut off in its last field, as far as that is still a date. */
const CUT = feedFileText('Procedure', [procedure('P1'), { ...procedure('P2'), EffectiveDate: '08/11/2026' }]).trimEnd();

const CUT_OFF = { cut_off: { count: 1, lines: [3] } };

/** Ingests a content; gives its warnings, or what else became of it. */
async function deliver(desk: Desk, day: number, text: string | Uint8Array): Promise<unknown> {
  const name = feedFileName('Procedure', `202608${String(day).padStart(2, '0')}_060000`);
  const outcome = await desk.ingest(desk.write(name, text));
  return outcome.kind === 'ingested' ? outcome.warnings : outcome.kind;
}

describe('P6: a file that is cut off in the last field of its last row', () => {
  test('is told where the dataset’s earlier files end in a line end; the row is loaded as it is', async () => {
    const desk = openDesk();
    expect(await deliver(desk, 1, DAY)).toEqual({});
    expect(await deliver(desk, 2, CUT)).toEqual(CUT_OFF);
    expect(desk.column('SELECT effective_date FROM procedures ORDER BY 1 DESC')).toEqual(['2026-08-11', null]);
    expect(desk.rows('SELECT state, rows_rejected, warnings FROM files ORDER BY file_id')).toEqual([
      { state: 'ingested', rows_rejected: 0, warnings: null },
      { state: 'ingested', rows_rejected: 0, warnings: JSON.stringify(CUT_OFF) },
    ]);
  });

  test('is told by the log, by check, files and status, until it is corrected', async () => {
    const desk = openDesk();
    await deliver(desk, 1, DAY);
    const settings = readSettings({ flags: { db: desk.database.file }, env: {}, cwd: ROOT, root: ROOT });
    const filter = { settings, state: [], code: [], file: null, since: null, limit: null };
    const shown = async (show: (io: ReturnType<typeof captureIo>) => Promise<number>): Promise<string> => {
      const io = captureIo();
      expect(await show(io)).toBe(0);
      return io.written.out;
    };
    const file = desk.write(feedFileName('Procedure', '20260802_060000'), CUT);
    const checked = { settings, files: [file.path], raw: false };
    expect(await shown((io) => check({ ...checked, json: false }, io))).toContain(
      '  warning line 3: cut_off: the last row',
    );
    expect(JSON.parse(await shown((io) => check({ ...checked, json: true }, io)))).toMatchObject([
      { outcome: { kind: 'ingested', warnings: CUT_OFF } },
    ]);

    const outcome = await desk.ingest(file);
    const io = captureIo();
    const events = createEvents();
    logFiles(events, createLog({ logLevel: 'warn', logFormat: 'json' }, io.stdout, 1), desk.feed);
    emitOutcome(events, file.name, outcome);
    expect(JSON.parse(io.written.out)).toMatchObject({ level: 'warn', file: file.name, code: 'cut_off', lines: [3] });
    expect(await shown((to) => files({ ...filter, json: false, code: ['cut_off'] }, to))).toMatch(
      /20260802[^\n]*\twarning: cut_off \(line 3\)\n$/,
    );
    expect(JSON.parse(await shown((to) => files({ ...filter, json: true, code: ['cut_off'] }, to)))).toMatchObject([
      { name: file.name, warnings: CUT_OFF },
    ]);
    const inText = () => shown((to) => status({ settings, json: false, check: false }, to));
    expect(await inText()).toMatch(/With warnings\n[^\n]*\n[^\n]*20260802[^\n]*\t1\tcut_off \(line 3\)/);
    expect(JSON.parse(await shown((to) => status({ settings, json: true, check: false }, to)))).toMatchObject({
      database: { warned: [{ name: file.name, warnings: CUT_OFF }] },
    });
    await deliver(desk, 2, DAY);
    expect(await inText()).not.toContain('cut_off');
  });

  test('is told once: a last row with too few fields is refused as cut off', async () => {
    const desk = openDesk();
    await deliver(desk, 1, DAY);
    expect(await deliver(desk, 2, OPEN.slice(0, OPEN.lastIndexOf('|')))).toEqual({});
    expect(desk.column('SELECT code FROM rejects')).toEqual(['cut_off']);
  });

  test('is told also where what is left of the field is refused', async () => {
    const desk = openDesk();
    await deliver(desk, 1, DAY);
    expect(await deliver(desk, 2, OPEN.slice(0, -3))).toEqual(CUT_OFF);
    expect(desk.column('SELECT code FROM rejects')).toEqual(['bad_date']);
  });

  test('is told whatever the line ends and the encoding are, and where a large file is parsed beside the merging', async () => {
    const desk = openDesk();
    const large = feedFileText(
      'Procedure',
      Array.from({ length: 50 }, (_, at) => procedure(`P${at}`, 'x'.repeat(100_000))),
    );
    await deliver(desk, 1, DAY.replaceAll('\n', '\r\n'));
    expect(await deliver(desk, 2, OPEN.replaceAll('\n', '\r\n'))).toEqual(CUT_OFF);
    expect(await deliver(desk, 3, DAY.replaceAll('\n', '\r'))).toEqual({});
    expect(await deliver(desk, 4, OPEN.replaceAll('\n', '\r'))).toEqual(CUT_OFF);
    expect(await deliver(desk, 5, Buffer.from(`\ufeff${DAY}`, 'utf16le'))).toEqual({});
    expect(await deliver(desk, 6, Buffer.from(`\ufeff${OPEN}`, 'utf16le'))).toEqual(CUT_OFF);
    expect(await deliver(desk, 7, large)).toEqual({});
    expect(await deliver(desk, 8, large.trimEnd())).toEqual({ cut_off: { count: 1, lines: [51] } });
  });
});

describe('what the dataset’s other files say', () => {
  test('the first file says nothing, nor do files without rows, other revisions of the name, and those that were refused', async () => {
    const desk = openDesk();
    expect(await deliver(desk, 1, OPEN)).toEqual({});
    expect(await deliver(desk, 1, DAY)).toEqual({});
    expect(await deliver(desk, 1, `${OPEN} `)).toEqual({});
    expect(await deliver(desk, 2, `${DAY.split('\n')[0] ?? ''}\n`)).toEqual({});
    expect(await deliver(desk, 3, DAY.replaceAll('C1', ''))).toBe('quarantined');
    expect(await deliver(desk, 4, OPEN)).toEqual({});
  });

  test('a sender that never ends in a line end is left in peace', async () => {
    const desk = openDesk();
    for (let day = 1; day <= 4; day++) expect(await deliver(desk, day, OPEN)).toEqual({});
  });

  test('it is the end of the last row that counts, whatever stands below it', async () => {
    const desk = openDesk();
    for (let day = 1; day <= 2; day++) expect(await deliver(desk, day, `${DAY}TRAILER|2`)).toEqual({});
    expect(await deliver(desk, 3, OPEN)).toEqual(CUT_OFF);
    expect(await deliver(desk, 4, `${DAY}\n \u001a`)).toEqual({});
  });

  test('the last ten decide by half: a sender that changes its ways is warned of no longer', async () => {
    const desk = openDesk();
    await deliver(desk, 1, OPEN);
    for (let day = 2; day <= 10; day++) await deliver(desk, day, DAY);
    for (let day = 11; day <= 20; day++) await deliver(desk, day, OPEN);
    const warned = desk.column('SELECT stamp FROM files WHERE warnings IS NOT NULL ORDER BY stamp');
    expect(warned.map((stamp) => Number(String(stamp).slice(8, 10)))).toEqual([11, 12, 13, 14, 15, 16]);
  });

  test('the order of arrival does not matter where the sender keeps to its ways', async () => {
    const days = [5, 2, 7, 1, 6, 3, 4];
    for (const order of [days, days.toReversed(), days.toSorted((a, b) => a - b)]) {
      const desk = openDesk();
      for (const day of order) await deliver(desk, day, day === 6 ? CUT : DAY);
      expect(desk.column('SELECT stamp FROM files WHERE warnings IS NOT NULL')).toEqual(
        order[0] === 6 ? [] : ['2026-08-06T06:00:00Z'],
      );
    }
  });
});
