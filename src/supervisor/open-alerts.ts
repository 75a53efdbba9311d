import type { Settings } from '../settings/settings.ts';
import type { Alerting, AlertingOptions } from './alerting.ts';

/** Whether anyone is to be told, or called: what that takes is loaded only then. */
export function hasAlerts({ alertWebhook, alertSmtp, alertCommand, pingUrl: ping }: Settings): boolean {
  return [alertWebhook, alertSmtp, alertCommand, ping].some((one) => one !== null);
}

/**
 * Starts alerting, where it is set up.
 * @throws LandfallError as `startAlerting`
 */
export async function openAlerts(options: AlertingOptions, releases: DisposableStack): Promise<Alerting | null> {
  if (!hasAlerts(options.settings)) return null;
  const { startAlerting } = await import('./alerting.ts');
  return startAlerting(options, releases);
}
