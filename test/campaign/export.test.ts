import { test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { exportCampaign } from './export.ts';

// Few on purpose: `npm run test:campaign` runs hundreds.
test('an export that is killed, doubled, or whose bucket fails leaves a manifest that is the old or the new one, and true', async () => {
  await exportCampaign(2, 4, () => tempFolder());
});
