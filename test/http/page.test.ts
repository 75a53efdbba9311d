import Database from 'better-sqlite3';
import type { Browser } from 'playwright-core';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openReaderProcess } from '../../src/findings/reader-process.ts';
import { openSite } from '../../src/http/site.ts';
import type { Expectation } from '../../src/model/expectation.ts';
import { createEvents } from '../../src/model/events.ts';
import { STARTING } from '../../src/model/work.ts';
import { createFaultBook } from '../../src/status/faults.ts';
import { BROWSER, FAINT_TEXTS, FIRST_PAINT, IS_TOO_WIDE, launchBrowser, lookAt } from '../helpers/browser.ts';
import { captureIo } from '../helpers/command-io.ts';
import { FEED_FILE, openDesk, type Desk } from '../helpers/ingest.ts';
import { procedure, visit } from '../helpers/rows.ts';
import { get, serveSite, type Served } from '../helpers/site.ts';
import { createLog } from '../../src/output/log.ts';

/** The most until something is seen, in ms. Alone it is under a second; beside other tests the machine may be busy with theirs. */
const PAINT_MS = 5_000;
const WIDTHS = [390, 1280];

/** A name that would run as a script if it were not escaped, and turns the direction of what follows. */
const HOSTILE = `HospitalABC_VisitPay_<img src=x onerror="document.title='owned'">'&\u202e"</script>.txt`;

/** A week: a correction, a late file, rows that wait, refused rows, a refused file and a name that is not taken. */
async function openWeek(): Promise<Desk> {
  const desk = openDesk();
  await desk.deliver('Procedure', '20260805_060000', [procedure('P1'), procedure('P2')]);
  for (const day of ['06', '07', '08'])
    await desk.deliver('Visit', `202608${day}_060000`, [visit(`V${day}`, 'P1'), visit(`W${day}`, 'P2')]);
  await desk.deliver('Visit', '20260809_060000', [visit('V9', 'P9'), visit('X9', 'P1', { VisitDate: 'some day' })]);
  await desk.deliver('Visit', '20260804_060000', [visit('V4', 'P1')]);
  await desk.deliver('Visit', '20260808_060000', [visit('V08', 'P1'), visit('W08', 'P1')]);
  await desk.deliver('Transaction', '20260809_060000', ['x|y'], { columns: ['x', 'y'] });
  desk.db
    .prepare(
      `INSERT INTO files (feed, feed_hash, program, name, revision, bytes, mtime_ns, ctime_ns, inode, state, reason_code, reason, started_at, finished_at)
       VALUES ('visitpay', '', '0.0.0', ?, 0, 1, 0, 0, 0, 'unrecognised', 'bad_name', ?, '2026-08-10T06:00:00.000Z', '2026-08-10T06:00:00.000Z')`,
    )
    .run(HOSTILE, 'a reason with <b>bold</b> words');
  return desk;
}

async function serveDesk({ database, feed, landing }: Desk): Promise<Served> {
  return await serveSite({ db: database.file, feed, landing });
}

/** Serves it as the daemon does, with a reading process of its own. */
async function serveAsDaemon({ database, landing }: Pick<Desk, 'database' | 'landing'>): Promise<string> {
  const releases = new DisposableStack();
  onTestFinished(() => {
    releases.dispose();
  });
  const io = captureIo();
  const events = createEvents();
  const now = (): Date => new Date();
  const served = Promise.withResolvers<string>();
  const write = (line: string): void => {
    const { http } = JSON.parse(line) as { http?: string };
    if (http !== undefined) served.resolve(http);
  };
  const logger = createLog({ logLevel: 'info', logFormat: 'json' }, { ...io.stdout, write }, 1);
  const ask = openReaderProcess(
    { ...{ db: database.file, feed: FEED_FILE, env: null, landing }, alertRejected: 0.05 },
    { ...io, env: { PATH: process.env['PATH'] } },
    releases,
  );
  openSite(
    {
      settings: {
        db: database.file,
        landing,
        stateDir: '',
        httpPasswordFile: null,
      },
      ask,
      address: { host: '127.0.0.1', port: 0 },
      io: { now },
      ...{ logger, events, faults: createFaultBook(events, now) },
      heartbeat: () => ({
        ...{ version: '0.0.0', host: 'ward', pid: 1, workerPid: 2, cutShort: false, sinceBoot: null, landing },
        ...{ startedAt: now().toISOString(), beat: now().toISOString(), work: { ...STARTING, doing: 'idle' } },
      }),
    },
    releases,
  );
  return await served.promise;
}

describe.skipIf(BROWSER === undefined)('the page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  test.each(WIDTHS)('says of an empty database that all is well, at %i pixels', async (width) => {
    const { url } = await serveDesk(openDesk());
    const { page, complaints } = await lookAt(browser, url, { width });
    expect(await page.textContent('.verdict')).toBe('All is well');
    expect(await page.title()).toBe('All is well – Landfall visitpay');
    expect(await page.textContent('#attention')).toContain('Nothing needs anyone.');
    expect(await page.textContent('#ledger')).toContain('No file yet.');
    // Who looks must not take this for the word that all has come.
    expect(await page.textContent('#week')).toContain('one that does not come is not noticed');
    expect(await page.evaluate(IS_TOO_WIDE)).toBe(false);
    expect(complaints).toEqual([]);
  });

  test.each(WIDTHS)(
    'shows the week: what needs someone first, then days, rows, what waits, codes and files, at %i pixels',
    async (width) => {
      const { url } = await serveDesk(await openWeek());
      const { page, complaints } = await lookAt(browser, url, { width });
      expect(await page.textContent('.verdict')).toBe('1 thing needs someone');
      const items = await page.locator('#attention li').allTextContents();
      expect(items[0]).toContain('Transaction_[20260809_060000].txt is quarantined: no_header');
      expect(items.join()).toContain('were rejected');
      const headings = await page.locator('h2').allTextContents();
      expect(headings.slice(0, 2)).toEqual(['What needs someone', 'The week at a glance']);
      const cells = await page.locator('.week tbody tr').nth(1).locator('td .hidden').allTextContents();
      expect(cells).toEqual(['late', 'no file', 'in', 'in', 'late', 'in', 'no file']);
      expect(await page.locator('.week td.quarantined').count()).toBe(1);
      expect(await page.locator('svg rect.rejected title').textContent()).toBe('10 Aug: 1 rejected');
      expect(await page.textContent('#waiting tbody')).toMatch(/procedures\s*1\s*1/);
      expect(await page.textContent('#rejects tbody')).toContain('bad_date');
      expect(await page.locator('#ledger tbody tr').count()).toBe(9);
      // On a telephone there is no room for what is not there.
      expect(await page.locator('#ledger .zero:visible').count()).toBe(
        width === 390 ? 0 : await page.locator('#ledger .zero').count(),
      );
      expect(await page.textContent('#week')).toContain('not noticed');
      expect(await page.evaluate(IS_TOO_WIDE)).toBe(false);
      await page.click('.week td.quarantined a');
      expect(await page.textContent('h1')).toContain('Transaction_[20260809_060000].txt');
      expect(await page.evaluate(IS_TOO_WIDE)).toBe(false);
      expect(complaints).toEqual([]);
    },
  );

  test('tells what is overdue where the feed says when files are due: first, and in the week', async () => {
    const desk = openDesk();
    await desk.deliver('Visit', '20260808_060000', [visit('V1', 'P1')]);
    const daily: Expectation = {
      ...{ every: 'day', on: 1, by: { hours: 6, minutes: 0 }, daysLater: 0, graceMs: 0, zone: 'UTC', stamps: 'utc' },
      except: { weekends: false, dates: [] },
    };
    const datasets = desk.feed.datasets.map((one) => (one.name === 'Visit' ? { ...one, expect: daily } : one));
    desk.db.exec("UPDATE files SET started_at = '2026-08-08T05:00:00.000Z', finished_at = '2026-08-08T05:00:01.000Z'");
    const { url, port } = await serveSite({
      db: desk.database.file,
      feed: { ...desk.feed, datasets },
      landing: desk.landing,
    });
    const { page } = await lookAt(browser, url, { width: 390 });
    const [first] = await page.locator('#attention li').allTextContents();
    expect(await page.textContent('#week')).not.toContain('not noticed');
    expect(first).toMatch(/Overdue\s+since 06:00 UTC\s+No Visit file for 2026-08-10 has come/);
    const cells = await page.locator('.week tbody tr').nth(1).locator('td .hidden').allTextContents();
    expect(cells.slice(4)).toEqual(['in', 'missing', 'missing']);
    const metrics = (await get(port, '/metrics')).body;
    expect(metrics).toContain('landfall_overdue_deliveries{dataset="Visit"} 2');
  });

  test('P8: shows a file by itself with the lines, columns and codes of its rejects, and takes nothing that a name holds for more than text', async () => {
    const { url } = await serveDesk(await openWeek());
    const { page, complaints } = await lookAt(browser, url);
    await page.click('text=Visit_[20260809_060000].txt >> nth=-1');
    const rows = await page.locator('.stack tbody tr').allTextContents();
    expect(rows.map((row) => row.replace(/\s+/g, ' ').trim().slice(0, 50))).toEqual([
      '2 procedure_id missing_parent waiting for procedur',
      '3 visit_date bad_date rejected not a recognised da',
    ]);
    expect(await page.content()).not.toMatch(/some day|V9|X9|P9/);
    await page.goto(`${url}/files?name=onerror`);
    const [link] = await page.locator('.ledger a').allTextContents();
    expect(link).toBe(HOSTILE.replace('\u202e', '\\u202e'));
    await page.click('.ledger a');
    expect(await page.textContent('header')).toContain('bad_name a reason with <b>bold</b> words');
    expect(await page.title()).toContain('<img');
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('brings itself up to date when a file lands, and says so when the daemon is no longer heard', async () => {
    const desk = openDesk();
    const served = await serveDesk(desk);
    const { page } = await lookAt(browser, served.url);
    await page.click('#week .scrolled');
    await desk.deliver('Visit', '20260809_060000', [visit('V1', 'P1')]);
    served.outdate();
    await page.waitForSelector('#ledger a:has-text("Visit_[20260809_060000].txt")', { timeout: 5_000 });
    expect(await page.textContent('#waiting')).toContain('procedures');
    served.work = {
      ...served.work,
      faults: [{ kind: 'landing', file: null, problem: 'it is gone', since: '2026-08-10T11:00:00.000Z' }],
    };
    served.streams.tell();
    await page.waitForSelector('.verdict.critical:has-text("Nothing goes in")', { timeout: 5_000 });
    expect(await page.title()).toContain('Nothing goes in');
    expect(await page.isVisible('#connection')).toBe(false);
    served.streams.close();
    served.server.close();
    served.server.closeAllConnections();
    await page.waitForSelector('#connection:has-text("out of date")', { timeout: 10_000 });
  });

  test('is readable without scripts, and then loaded anew now and then', async () => {
    const { url } = await serveDesk(await openWeek());
    const { page } = await lookAt(browser, url, { scripts: false });
    expect(await page.textContent('.verdict')).toBe('1 thing needs someone');
    expect(await page.getAttribute('meta[http-equiv=refresh]', 'content')).toBe('30');
  });

  test.each(['light', 'dark'] as const)(
    'is for everyone: contrast, landmarks, headings, names and the keyboard (%s)',
    async (scheme) => {
      const { url } = await serveDesk(await openWeek());
      const { page } = await lookAt(browser, url, { scheme });
      for (const path of ['/', '/files', '/files/5']) {
        await page.goto(url + path);
        expect([path, await page.evaluate(FAINT_TEXTS)]).toEqual([path, []]);
        const count = (selector: string): Promise<number> => page.locator(selector).count();
        expect([await count('main'), await count('header'), await count('footer'), await count('h1')]).toEqual([
          1, 1, 1, 1,
        ]);
        expect(await count('html[lang=en]')).toBe(1);
        expect(await count('section:not([aria-labelledby])')).toBe(0);
        expect(await count('th:not([scope])')).toBe(0);
        expect(await count('input:not(label input), select:not(label select), svg[role=img]:not([aria-label])')).toBe(
          0,
        );
        await page.keyboard.press('Tab');
        expect(await page.evaluate('document.activeElement.textContent')).toBe('To the content');
      }
    },
  );

  test('can be printed: nothing is cut off, and what is for the screen alone is left out', async () => {
    const { url } = await serveDesk(await openWeek());
    const { page } = await lookAt(browser, `${url}/files`);
    await page.emulateMedia({ media: 'print' });
    expect(await page.isVisible('form')).toBe(false);
    expect(await page.isVisible('.ledger')).toBe(true);
  });

  test('P7: shows 100,000 files page by page, the first paint at once', async () => {
    const desk = openDesk();
    desk.db
      .exec(`INSERT INTO files (feed, feed_hash, program, dataset, name, revision, stamp, bytes, mtime_ns, ctime_ns, inode, state,
        rows_read, rows_inserted, reject_counts, started_at, finished_at)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
      SELECT 'visitpay', '', '0.0.0', 'Visit', 'HospitalABC_VisitPay_Visit_' || i, 1, strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-' || i || ' minutes'), 100, 0, 0, i,
        'ingested', 10, 10, '{}', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || i || ' minutes'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || i || ' minutes') FROM n`);
    const url = await serveAsDaemon(desk);
    for (const width of WIDTHS) {
      const { page } = await lookAt(browser, url, { width });
      expect(await page.evaluate(FIRST_PAINT)).toBeLessThan(PAINT_MS);
      await page.waitForSelector('#ledger a:has-text("Visit_100000")', { timeout: 20_000 });
      await page.click('text=The whole ledger');
      expect(await page.evaluate(FIRST_PAINT)).toBeLessThan(PAINT_MS);
      await page.click('text=Older');
      expect(await page.textContent('.ledger tbody a')).toBe('HospitalABC_VisitPay_Visit_99950');
    }
  });

  test('P7: is there at once, and says what is wrong, where the database is locked, gone or damaged', async () => {
    const desk = openDesk();
    const url = await serveAsDaemon(desk);
    const { page } = await lookAt(browser, url, { width: 390 });
    await page.waitForSelector('.verdict:has-text("All is well")', { timeout: 20_000 });
    // Another program has it for itself alone.
    desk.db.close();
    const other = new Database(desk.database.file);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    const isToldOf = async (what: string): Promise<void> => {
      await page.goto(`${url}files/1`);
      expect(await page.textContent('main')).toContain(`The database cannot be read: ${desk.database.file}`);
      const looked = await lookAt(browser, url);
      expect(await looked.page.evaluate(FIRST_PAINT)).toBeLessThan(PAINT_MS);
      await looked.page.waitForSelector(`.critical:has-text("${what}")`, { timeout: 20_000 });
    };
    await isToldOf('another program holds');
    other.exec('ROLLBACK');
    other.close();
    writeFileSync(desk.database.file, 'x'.repeat(8192));
    await isToldOf('is not');
    rmSync(desk.database.file);
    await isToldOf('does not exist');
  });
});
