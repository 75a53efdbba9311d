import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { status } from '../../src/commands/status.ts';
import { readSettings } from '../../src/settings/read-settings.ts';
import { createBilling } from '../helpers/billing.ts';
import { captureIo } from '../helpers/command-io.ts';
import { heartbeatWhen, createSite, databaseOf, queryUntil } from '../helpers/daemon.ts';
import { writeFeedFile } from '../helpers/feed-files.ts';
import { ROOT } from '../helpers/ingest.ts';

const billing = createBilling(3);

/** Runs a command in a user namespace of its own, in which its user has no inotify watch until the file `raise` is there. */
function withoutWatches(folder: string): readonly string[] {
  const limit = '/proc/sys/user/max_inotify_watches';
  const raised = `[ -e '${folder}/raise' -o ! -e '${folder}' ]`;
  const raiseLater = `(until ${raised}; do sleep 0.05; done; echo 100 > ${limit}) > /dev/null 2>&1 &`;
  return ['unshare', '--user', '--map-root-user', 'sh', '-c', `echo 0 > ${limit}; ${raiseLater} exec "$@"`, 'sh'];
}

const canLimit = spawnSync('unshare', ['--user', '--map-root-user', 'sh', '-c', 'echo 0 > /proc/sys/user/max_inotify_watches']).status === 0; // prettier-ignore

test.skipIf(!canLimit)(
  'P7: where all inotify watches are taken, status says that the folder is listed by schedule only, the log says so once; it is watched once there is one',
  async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder, landing } = site;
    const daemon = site.start('run', {
      args: ['--settle', '50ms', '--rescan', '0 0 1 1 *'],
      by: withoutWatches(folder),
    });
    await heartbeatWhen(
      folder,
      ({ work }) => work.doing === 'idle' && work.faults.some(({ kind }) => kind === 'watch'),
    );
    const problem =
      'the landing folder is listed by the schedule only (all inotify watches are taken: raise fs.inotify.max_user_watches)';
    const ask = async (how: { json: boolean; check: boolean }): Promise<string> => {
      const io = captureIo({ now: new Date() });
      const settings = readSettings({ flags: { landing, db: databaseOf(folder) }, env: {}, cwd: ROOT, root: ROOT });
      expect(await status({ ...how, settings }, io)).toBe(0);
      return io.written.out;
    };
    expect(await ask({ json: false, check: false })).toContain(`watch: ${problem}`);
    expect(JSON.parse(await ask({ json: true, check: false }))).toMatchObject({
      daemon: { problem: null, work: { faults: [{ kind: 'watch', problem }] } },
    });
    expect(await ask({ json: false, check: true })).toContain('idle');

    writeFeedFile(landing, 'Procedure', '20260801_060000', [billing.procedure()]);
    writeFileSync(join(folder, 'raise'), '');
    await heartbeatWhen(folder, ({ work }) => work.faults.length === 0);
    await queryUntil(folder, 'SELECT count(*) FROM files', [[1]]);
    writeFeedFile(landing, 'Procedure', '20260802_060000', [billing.procedure()]);
    await queryUntil(folder, 'SELECT count(*) FROM files', [[2]]);
    const told = daemon.log().filter(({ fault }) => fault === 'watch');
    expect(told.map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', problem],
      ['info', `over: ${problem}`],
    ]);
  },
);

test.skipIf(!canLimit)(
  'P7: where nothing is heard of the folder, as on a network mount, the schedule finds what is new',
  async ({ onTestFinished }) => {
    const site = createSite(onTestFinished);
    const { folder, landing } = site;
    site.start('run', {
      args: ['--settle', '50ms', '--rescan', '*/2 * * * * *'],
      by: withoutWatches(folder),
    });
    await heartbeatWhen(folder, ({ work }) => work.doing === 'idle');
    writeFeedFile(landing, 'Procedure', '20260801_060000', [billing.procedure()]);
    await queryUntil(folder, 'SELECT state FROM files', [['ingested']]);
  },
);
