import { Argument, type Command, Option } from 'commander';
import { addFilters, type FilterFlags, NO_FILTER } from './filters.ts';
import type { Verbs } from './verbs.ts';

type AlertsVerb = 'list' | 'ack' | 'test';

/** The commands that ask the database. */
export function addAskingVerbs({ verb, act }: Verbs): void {
  verb('status', 'files, rows, what waits, rejects by code, checkpoints, the daemon')
    .option('--json', 'as JSON')
    .option('--check', 'exit 1 when the daemon is not alive or cannot work')
    .option('--data', 'with --check: exit 2 when data is overdue, incomplete, held, refused or out of line')
    .action(async (flags: { json?: true; check?: true; data?: true }, command: Command) => {
      const { status } = await import('../commands/status.ts');
      await act(command, 'short', (settings, io) => status({ json: false, check: false, ...flags, settings }, io));
    });

  verb('alerts', 'what needs someone and who was told; "alerts ack ID" and "alerts test"', 'ingest')
    .addArgument(new Argument('[verb]', 'what to do; default list').choices(['list', 'ack', 'test']))
    .argument('[id...]', 'with ack: the alerts that someone takes care of')
    .option('--json', 'as JSON')
    .action(async (what: AlertsVerb | undefined, ids: readonly string[], flags: { json?: true }, command: Command) => {
      const { alerts } = await import('../commands/alerts.ts');
      await act(command, 'short', (settings, io) =>
        alerts({ json: false, ...flags, settings, verb: what ?? 'list', ids }, io),
      );
    });

  verb('report <name>', 'what became of a file, for its sender: counts, lines and codes, no values')
    .option('--json', 'as JSON')
    .action(async (name: string, flags: { json?: true }, command: Command) => {
      const { report } = await import('../commands/report.ts');
      await act(command, 'short', (settings, io) => report({ json: false, ...flags, settings, name }, io));
    });

  addFilters(
    verb('files', 'the ledger: every file seen, newest first'),
    'ingested, quarantined, replaced or unrecognised',
  )
    .option('--json', 'as JSON')
    .action(async (flags: FilterFlags & { json?: true }, command: Command) => {
      const { files } = await import('../commands/files.ts');
      await act(command, 'short', (settings, io) => files({ json: false, ...NO_FILTER, ...flags, settings }, io));
    });

  addFilters(
    verb('rejects', 'rows that were refused or wait, and why, newest first'),
    'open, rejected, waiting, healed, superseded or all; default open',
  )
    .addOption(new Option('--json', 'as JSON').conflicts('csv'))
    .option('--csv', 'as CSV (RFC 4180)')
    .option('--raw', 'show keys, and rows as they were sent: patient data')
    .action(async (flags: FilterFlags & { json?: true; csv?: true; raw?: true }, command: Command) => {
      const { rejects } = await import('../commands/rejects.ts');
      await act(command, 'short', (settings, io) =>
        rejects({ json: false, csv: false, raw: false, ...NO_FILTER, ...flags, settings }, io),
      );
    });
}
