import { type Command, Argument, InvalidArgumentError } from 'commander';
import type { Verbs } from './verbs.ts';

const ABOUT_REFILL = `Reads from the archive what the database lacks: all of it where that is empty or
new, what came since where it was restored from a backup. Each content gets the
place among the revisions of its name that it had. Stop the daemon first.

  landfall refill --db /var/lib/landfall/new.sqlite /var/lib/landfall/archive`;

const ABOUT_ARCHIVE = `list [TEXT] shows the copies of what was read, get NAME writes the content of
one into this folder, verify reads all of them and holds them against the
ledger, prune removes those older than --archive-for, seal seals those that are
in the clear, or under the key of --old-key, under that of --key-file.

  landfall archive get 'HospitalABC_VisitPay_Visit_[20260801_060000].txt'`;

type ArchiveAction = 'list' | 'get' | 'verify' | 'prune' | 'seal';

/** The commands that work with the archive. */
export function addArchivingVerbs({ verb, act }: Verbs): void {
  verb('refill [archive...]', 'read from the archive what the database lacks', 'ingest')
    .description(ABOUT_REFILL)
    .action(async (archives: readonly string[], _flags: unknown, command: Command) => {
      const { refill } = await import('../commands/refill.ts');
      await act(command, 'unattended', (settings, io, given) => refill({ settings, given, archives }, io));
    });

  verb('archive', 'the copies of what was read: list, get, verify, prune or seal them')
    .usage('<list|get|verify|prune|seal> [name] [options]')
    .description(ABOUT_ARCHIVE)
    .addArgument(new Argument('<action>').choices(['list', 'get', 'verify', 'prune', 'seal']))
    .argument('[name]')
    .option('--revision <n>', 'of get: this revision of the ledger, not the newest', wholeNumber)
    .option('--out <file>', 'of get: where to write to')
    .option('--old-key <file>', 'of seal: the key that copies are sealed under now')
    .option('--json', 'of list and verify: as JSON')
    .action(
      async (
        action: ArchiveAction,
        name: string | undefined,
        flags: { revision?: number; out?: string; oldKey?: string; json?: true },
        command: Command,
      ) => {
        const { archive } = await import('../commands/archive.ts');
        const { revision = null, out = null, oldKey = null, json = false } = flags;
        await act(command, 'short', (settings, io) =>
          archive({ settings, action, name: name ?? null, revision, out, oldKey, json }, io),
        );
      },
    );
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}
