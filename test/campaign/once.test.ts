import { test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { onceCampaign } from './once.ts';

test('P4 P3: batches in any order, each taken by a process of its own, end in the same tables', async () => {
  await onceCampaign(1, 3, () => tempFolder());
});
