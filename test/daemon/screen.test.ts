import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createBilling } from '../helpers/billing.ts';
import { feedFileName, writeFeedFile } from '../helpers/feed-files.ts';
import { openDesk, ROOT } from '../helpers/ingest.ts';
import { tempFolder } from '../helpers/temp.ts';

const tmux = (...args: readonly string[]): string => spawnSync('tmux', args, { encoding: 'utf8' }).stdout;
const isThere = spawnSync('tmux', ['-V']).status === 0;

/** Runs a script on a terminal of its own. @returns the socket by which it is reached */
function onTerminal(folder: string, columns: number, script: string): string {
  const socket = join(folder, 'tmux');
  tmux('-S', socket, 'new-session', '-d', '-x', `${columns}`, '-y', '60', script);
  onTestFinished(() => {
    tmux('-S', socket, 'kill-server');
  });
  return socket;
}

/** What a terminal of so many columns shows when a command has ended there, its lines joined as they wrap. */
async function screenOf(columns: number, command: string): Promise<readonly string[]> {
  const folder = tempFolder();
  const done = join(folder, 'done');
  const socket = onTerminal(folder, columns, `${command}; echo $? > ${done}; echo '$ '; sleep 60`);
  while (!existsSync(done) || readFileSync(done, 'utf8') === '') await sleep(20);
  for (;;) {
    const shown = tmux('-S', socket, 'capture-pane', '-p', '-J', '-S', '-').trimEnd().split('\n');
    if (shown.at(-1)?.startsWith('$') === true) return shown.map((line) => line.trimEnd());
    await sleep(20);
  }
}

test.skipIf(!isThere).each([80, 120])(
  'on a terminal of %i columns once leaves whole log lines, and a summary for a person',
  async (columns) => {
    const landing = join(tempFolder(), 'landing');
    mkdirSync(landing);
    const billing = createBilling(1);
    const procedure = billing.procedure();
    const stamp = '20260801_060000';
    writeFeedFile(landing, 'Procedure', stamp, [procedure, { ...billing.procedure(), StandardCharge: 'ten' }]);
    writeFeedFile(landing, 'Visit', stamp, [billing.visit(procedure)]);
    const program = `${process.execPath} ${join(ROOT, 'bin/landfall.cjs')}`;
    const given = `--landing ${landing} --db '${join(landing, '../my database.sqlite')}'`;
    const lines = await screenOf(columns, `${program} once --settle 0 ${given}`);
    for (const dataset of ['Procedure', 'Visit'] as const) {
      const at = lines.findIndex((line) => line.endsWith(`INFO: ingested ${feedFileName(dataset, stamp)}`));
      expect(lines[at + 1]).toMatch(/^ {4}revision=1 read=[12] inserted=1 .*rowsPerSecond=\d+$/);
    }
    // A command is whole, to be copied: the terminal wraps it.
    for (const line of lines.filter((one) => !one.includes('landfall rejects')))
      expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.some((line) => /█|░/.test(line))).toBe(false);
    expect(lines.slice(-5)).toEqual([
      'Files    2 taken, 0 quarantined',
      'Rows     3 read: 2 inserted, 1 rejected',
      `Look at  1 rejected row   landfall rejects ${given}`,
      expect.stringMatching(/^Took {5}\d+(?:\.\d)? s$/),
      '$',
    ]);
    const again = await screenOf(columns, `${program} once --settle 0 ${given}`);
    expect(again.slice(-4, -2)).toEqual([
      'Look at  nothing new; from earlier runs:',
      `         1 rejected row   landfall rejects ${given}`,
    ]);
  },
);

test.skipIf(!isThere)('on a terminal a list of errors is wrapped below each, indented', async () => {
  const program = `${process.execPath} ${join(ROOT, 'bin/landfall.cjs')}`;
  expect((await screenOf(60, `${program} once --settle soon --after burn`)).slice(0, -1)).toEqual([
    'landfall: 2 settings are wrong:',
    '  --settle must be a time such as 2s, 500ms, 10min, 1h or',
    '    2d (a bare number is seconds), not "soon"',
    '  --after must be keep or remove, not "burn"',
  ]);
});

test.skipIf(!isThere)('on a terminal an error is broken at its spaces, in a pipe it is one line', async () => {
  const file = join(tempFolder(), 'none.sqlite');
  const program = `${process.execPath} ${join(ROOT, 'bin/landfall.cjs')}`;
  const piped = spawnSync('sh', ['-c', `${program} status --db ${file}`], { encoding: 'utf8' }).stderr;
  expect(piped).toMatch(/^landfall: \S+ does not exist \(.*\)\n$/);
  // The path stands whole in a line of this many columns.
  const columns = file.length + 10;
  const lines = (await screenOf(columns, `${program} status --db ${file}`)).slice(0, -1);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  expect(lines.join(' ')).toBe(piped.trimEnd());
});

test.skipIf(!isThere)('P7: on a terminal that is frozen by Ctrl-S an export goes on and ends', async () => {
  const desk = openDesk();
  const [ready, go, done] = [join(desk.folder, 'ready'), join(desk.folder, 'go'), join(desk.folder, 'done')];
  const to = join(desk.folder, 'lake');
  const program = `${process.execPath} ${join(ROOT, 'bin/landfall.cjs')}`;
  const command = `${program} export --db ${desk.database.file} --landing ${desk.landing} --to ${to}`;
  const wait = `until [ -e ${go} ]; do sleep 0.02; done`;
  const socket = onTerminal(desk.folder, 80, `touch ${ready}; ${wait}; ${command}; echo $? > ${done}; sleep 60`);
  await vi.waitFor(
    () => {
      expect(existsSync(ready)).toBe(true);
    },
    { timeout: 10_000, interval: 20 },
  );
  tmux('-S', socket, 'send-keys', 'C-s');
  writeFileSync(go, '');
  await vi.waitFor(
    () => {
      expect(readFileSync(done, 'utf8')).toBe('0\n');
    },
    { timeout: 15_000, interval: 20 },
  );
  expect(existsSync(join(to, '_manifest.json'))).toBe(true);
  // It was frozen indeed.
  expect(tmux('-S', socket, 'capture-pane', '-p').trim()).toBe('');
});
