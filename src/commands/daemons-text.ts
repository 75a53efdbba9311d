import type { DaemonRow } from '../model/daemon-row.ts';
import type { Column, Row } from '../output/table.ts';
import { ago } from './ago.ts';

/** The columns of the daemons that serve one database. */
export const DAEMON_COLUMNS: readonly Column[] = [
  'host',
  'process',
  'command',
  'is',
  'file in hand',
  { header: 'last heard', spare: 1 },
  { header: 'landing folder', spare: 2 },
];

/** A row for each daemon, on whatever machine. */
export function daemonRows(daemons: readonly DaemonRow[], now: Date): readonly Row[] {
  return daemons.map(({ host, pid, command, alive, file, beat, landing }) => [
    ...[host, pid, command, alive ? 'alive' : 'silent'],
    ...[file ?? '', ago(beat, now), landing ?? ''],
  ]);
}
