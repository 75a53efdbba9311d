import { expect, test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { runSwarm } from './swarm.ts';

test(
  'P7 P6: a swarm of new files at once: each is taken once, and every row is accounted for',
  { timeout: 180_000 },
  async () => {
    expect(await runSwarm(600, 1, tempFolder())).toEqual([]);
  },
);
