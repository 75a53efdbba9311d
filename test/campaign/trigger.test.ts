import { test } from 'vitest';
import { tempFolder } from '../helpers/temp.ts';
import { triggerCampaign } from './trigger.ts';

test("P3 P5 P7: however a user's trigger refuses a row, it costs that row only", async () => {
  await triggerCampaign(20, 23, () => tempFolder());
});
