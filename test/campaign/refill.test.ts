import { test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { makeGuard } from './guard.ts';
import { refillCampaign } from './refill.ts';

// Few on purpose: `npm run test:campaign` runs hundreds.
test('P4 P2: refilled from the archive, after kills and a restored backup, the tables are those that they were', async () => {
  await refillCampaign(4, 3, () => tempFolder());
});

test('P4 P2 P9: so they are with protected columns, sealed copies and checks', async () => {
  await refillCampaign(2, 5, () => tempFolder(), makeGuard);
});
