import { createServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { createBilling, findLeak } from '../helpers/billing.ts';
import {
  addressOf,
  childrenOf,
  createSite,
  heartbeatWhen,
  queryUntil,
  type Running,
  type Site,
} from '../helpers/daemon.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { withoutBreaks } from '../helpers/site.ts';

// What a real daemon serves.

const STAMP = '20260801_060000';

function start(site: Site, http = '127.0.0.1:0'): Running {
  return site.start('run', { args: ['--settle', '50ms', '--http', http] });
}

async function textOf(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

describe('the daemon with --http', { concurrent: true, timeout: 180_000 }, () => {
  test('P8: serves what becomes of files, also after its reading process was killed, and no value from a row', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const daemon = start(site);
    const url = await addressOf(daemon);
    const billing = createBilling(18);
    const visits = Array.from({ length: 3 }, () => billing.visit(billing.procedure()));
    const { name } = writeFeedFile(site.landing, 'Visit', STAMP, [...visits, { ...visits[0], VisitDate: 'some day' }]);
    await queryUntil(site.folder, 'SELECT rows_waiting, rows_rejected FROM files', [[3, 1]]);
    const metrics = await vi.waitFor(
      async () => {
        const text = await textOf(`${url}metrics`);
        expect(text).toContain('landfall_rows_total{dataset="Visit",outcome="waiting"} 3');
        return text;
      },
      { timeout: 30_000, interval: 100 },
    );
    expect(metrics).toContain('landfall_rows_refused_total{dataset="Visit",code="bad_date"} 1');
    expect(metrics).toContain('landfall_ready 1');
    const [page, ledger, file, status] = await Promise.all(
      ['', 'files', 'files/1', 'status.json'].map((path) => textOf(url + path)),
    );
    for (const text of [page, ledger, file]) expect(withoutBreaks(text ?? '')).toContain(name);
    expect(file).toContain('bad_date');
    expect(status).toContain('"rows_waiting":3');
    for (const text of [metrics, page, ledger, file, status]) expect(findLeak(text ?? '')).toBeNull();

    const { workerPid } = await heartbeatWhen(site.folder, (alive) => alive.workerPid !== null);
    const readerPid = (): number => childrenOf(daemon.pid).find((pid) => pid !== workerPid) ?? 0;
    process.kill(readerPid(), 'SIGKILL');
    await vi.waitFor(async () => {
      expect(withoutBreaks(await textOf(`${url}files/1`))).toContain(name);
    }, 30_000);
    expect((await fetch(`${url}ready`)).status).toBe(200);

    // One that hangs holds up neither the page nor the stop.
    process.kill(readerPid(), 'SIGSTOP');
    writeFeedFile(site.landing, 'Procedure', STAMP, [billing.procedure()]);
    await queryUntil(site.folder, 'SELECT count(*) FROM files', [[2]]);
    const begun = performance.now();
    expect(withoutBreaks(await textOf(url))).toContain(name);
    expect(performance.now() - begun).toBeLessThan(6_000);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('P7: takes files without a page where its port is taken, says so once, and serves it when the port is free', async ({
    onTestFinished,
  }) => {
    const site = createSite(onTestFinished);
    const taken = createServer();
    onTestFinished(() => void taken.close());
    await new Promise<void>((done) => void taken.listen(0, '127.0.0.1', done));
    const bound = taken.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const daemon = start(site, `127.0.0.1:${port}`);
    const { work } = await heartbeatWhen(site.folder, (alive) => alive.work.faults.length > 0);
    expect(work.faults).toMatchObject([{ kind: 'http' }]);
    expect(work.faults[0]?.problem).toContain(`another program has 127.0.0.1:${port}`);
    writeFeedFile(site.landing, 'Procedure', STAMP, [createBilling(18).procedure()]);
    await queryUntil(site.folder, 'SELECT state FROM files', [['ingested']]);
    taken.close();
    const url = await addressOf(daemon);
    expect(await textOf(`${url}health`)).toBe('alive\n');
    await heartbeatWhen(site.folder, (alive) => alive.work.faults.length === 0);
    expect(daemon.log().filter(({ fault }) => fault === 'http')).toHaveLength(2);
  });
});
