/** The campaigns at length, as `USAGE` says. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { createRandom } from '../helpers/random.ts';
import { crashCampaign } from './crash.ts';
import { exportCampaign } from './export.ts';
import { makeGuard, UNGUARDED, type Guard } from './guard.ts';
import { onceCampaign } from './once.ts';
import { largeCampaign, orderCampaign } from './order.ts';
import { refillCampaign } from './refill.ts';
import { makeDeliveries, readDeliveries, serverCampaign, type ServerPlan } from './server.ts';
import { runSwarm } from './swarm.ts';
import { triggerCampaign } from './trigger.ts';

/** How many runs a campaign has when it is not said. */
const USUAL = {
  order: 1000,
  large: 10,
  trigger: 300,
  once: 50,
  swarm: 1,
  crash: 200,
  server: 20,
  refill: 200,
  export: 100,
};

/** How many files come at once in a swarm. */
const SWARM_FILES = 20_000;

type Campaign = keyof typeof USUAL;

const USAGE = `usage: npm run test:campaign -- [OPTIONS]
  --only NAME,…      of SQLite, only these: ${Object.keys(USUAL)
    .filter((name) => name !== 'server')
    .join(', ')}
  --store postgres   that on PostgreSQL: by one daemon and by four, which are killed, as is the server
  --files DIR        the latter with the files of a folder instead of made-up ones
  --some N           so many of them in each run, drawn by lot (default: all)
  --runs N           runs of each campaign, each of another plan
  --seed N           the same seed makes the same plans (default 1)
  --guarded          order, refill and crash on a feed with protected columns and checks
Ends with exit code 1 at the first run that differs, and names the folder with what is left of it.
`;

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: Object.keys(USUAL).join(',') },
    store: { type: 'string', default: 'sqlite' },
    files: { type: 'string' },
    guarded: { type: 'boolean', default: false },
    some: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
  process.exit();
}
const chosen = (Object.keys(USUAL) as Campaign[]).filter((name) =>
  values.store === 'postgres' ? name === 'server' : name !== 'server' && values.only.split(',').includes(name),
);
const seed = Number(values.seed);
const guarding = (folder: string): Guard => (values.guarded ? makeGuard(folder) : UNGUARDED);

for (const name of chosen) {
  // One swarm is as long as hundreds of small plans.
  const runs = name === 'swarm' ? USUAL.swarm : Number(values.runs ?? USUAL[name]);
  const begun = performance.now();
  let hits = 0;
  let done = 0;
  let folder = '';
  const emptyFolder = (): string => {
    if (folder !== '') rmSync(folder, { recursive: true });
    if (done > 0 && done % (name === 'large' ? 5 : 25) === 0) process.stderr.write(`${name}: ${done} runs\n`);
    done += 1;
    return (folder = mkdtempSync(join(tmpdir(), 'landfall-campaign-')));
  };
  try {
    if (name === 'order') await orderCampaign(runs, seed, emptyFolder, guarding);
    if (name === 'large') await largeCampaign(runs, seed, emptyFolder);
    if (name === 'trigger') await triggerCampaign(runs, seed, emptyFolder);
    if (name === 'once') await onceCampaign(runs, seed, emptyFolder);
    if (name === 'swarm') await swarmCampaign(runs, seed, emptyFolder);
    if (name === 'server') await serverCampaign(serverPlans(runs), emptyFolder, (result) => (hits += result.hits));
    if (name === 'refill') await refillCampaign(runs, seed, emptyFolder, guarding);
    if (name === 'export') await exportCampaign(runs, seed, emptyFolder, (result) => (hits += result.hits));
    if (name === 'crash') {
      await crashCampaign(runs, seed, emptyFolder, (result) => (hits += result.hits), guarding);
    }
    if (folder !== '') rmSync(folder, { recursive: true });
    const seconds = Math.round((performance.now() - begun) / 1000);
    const struck = ['crash', 'server', 'export'].includes(name) ? `, ${hits} kills hit a process at work` : '';
    process.stdout.write(`${name}: ${runs} runs without a difference in ${seconds} s${struck}\n`);
  } catch (error) {
    process.stdout.write(`${name}: run ${done} differs; its files are in ${folder}\n`);
    process.stdout.write(`${inspect(error)}\n`);
    process.exit(1);
  }
}

/** By one daemon and by four in turn; every fourth pair of runs without kills. */
function* serverPlans(runs: number): Generator<ServerPlan> {
  const all = values.files === undefined ? null : readDeliveries(values.files);
  for (let run = 0; run < runs; run++) {
    const most = Number(values.some ?? all?.length ?? 0);
    const files =
      all === null
        ? makeDeliveries(seed + run, 20, 60)
        : createRandom(seed + run)
            .shuffle(all)
            .slice(0, most);
    yield { seed: seed + run, files, daemons: run % 2 === 0 ? 1 : 4, kills: run % 8 < 6 ? 6 : 0 };
  }
}

async function swarmCampaign(runs: number, seed: number, emptyFolder: () => string): Promise<void> {
  for (let run = 0; run < runs; run++) {
    const problems = await runSwarm(SWARM_FILES, seed + run, emptyFolder());
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }
}
