import type { Command } from 'commander';
import type { Verbs } from './verbs.ts';

const ABOUT_RUN = `Watches the landing folder and loads what arrives, until SIGTERM, SIGINT or
SIGHUP, which let it finish the file in hand.

  landfall run --landing /srv/in --db /var/lib/landfall/visitpay.sqlite`;

const ABOUT_ONCE = `Takes everything that is there, waits for what is not settled yet, then exits:
0 when all went in, 3 when a file was quarantined or a row rejected.

  landfall once --landing /srv/in && echo all in`;

const ABOUT_RETRY = `Has files of the landing folder read again: ingested ones as new revisions,
quarantined ones as the revision they are. Asks the daemon where one runs.

  landfall retry 'HospitalABC_VisitPay_Visit_[20260801_060000].txt'`;

const ABOUT_ACCEPT = `Keeps the decision to take a file as it is though its number of rows is out of
line, or a check has found something in it. One that is held is read again by
the daemon, or the next run.

  landfall accept --reason 'holiday' \\
    'HospitalABC_VisitPay_Visit_[20261126_060000].txt'`;

/** The commands that take files. */
export function addTakingVerbs({ verb, act }: Verbs): void {
  verb('run', 'the daemon: watch the landing folder and load what arrives', 'run')
    .description(ABOUT_RUN)
    .action(async (_flags: unknown, command: Command) => {
      const { run } = await import('../commands/run.ts');
      await act(command, 'unattended', (settings, io) => run({ settings }, io));
    });

  verb('once', 'take everything that is there, then exit', 'ingest')
    .description(ABOUT_ONCE)
    .action(async (_flags: unknown, command: Command) => {
      const { once } = await import('../commands/once.ts');
      await act(command, 'unattended', (settings, io, given) => once({ settings, given }, io));
    });

  verb('accept <name...>', 'let in files that are held for their number of rows or by a check, or stop telling of them')
    .description(ABOUT_ACCEPT)
    .option('--by <who>', 'who decides; default the login name')
    .option('--reason <text>', 'why, kept with the decision: no patient data')
    .action(async (names: readonly string[], flags: { by?: string; reason?: string }, command: Command) => {
      const { accept } = await import('../commands/accept.ts');
      await act(command, 'short', (settings, io) => accept({ ...flags, settings, names }, io));
    });

  verb('retry <name...>', 'read files of the landing folder again', 'ingest')
    .description(ABOUT_RETRY)
    .action(async (names: readonly string[], _flags: unknown, command: Command) => {
      const { retry } = await import('../commands/retry.ts');
      await act(command, 'unattended', (settings, io) => retry({ settings, names }, io));
    });
}
