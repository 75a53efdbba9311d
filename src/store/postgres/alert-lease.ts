import { serverPlace } from './server-place.ts';
import { createSession } from './session.ts';

/** Takes or keeps the lease of alerts, by the server's clock. See `keepAlertLease` of the door. */
export async function keepServerLease(db: string, holder: string): Promise<boolean> {
  const session = createSession(serverPlace(db), 'landfall alerts');
  try {
    return await session.transaction('keep lease', 'write', async (client) => {
      const { rowCount } = await client.query(
        `INSERT INTO alert_lease (holder, held_until) VALUES ($1, clock_timestamp() + interval '3 minutes')
         ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
         WHERE alert_lease.holder = excluded.holder OR alert_lease.held_until < clock_timestamp()`,
        [holder],
      );
      return rowCount === 1;
    });
  } finally {
    await session.close();
  }
}
