import { test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { refillCampaign } from './refill.ts';

// Few on purpose: `npm run test:campaign` runs hundreds.
test('P4 P2: refilled from the archive, after kills and a restored backup, the tables are those that they were', async () => {
  await refillCampaign(4, 3, () => tempFolder());
});
