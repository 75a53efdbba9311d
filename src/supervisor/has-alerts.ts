import type { Settings } from '../settings/settings.ts';

/** Whether anyone is to be told, or called: what that takes is loaded only then. */
export function hasAlerts({ alertWebhook, alertSmtp, alertCommand, pingUrl: ping }: Settings): boolean {
  return [alertWebhook, alertSmtp, alertCommand, ping].some((one) => one !== null);
}
