import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Shell } from './commands/completion.ts';
import type { Filter } from './commands/filter.ts';
import { EXIT_CODES } from './model/exit-codes.ts';
import type { CommandIo } from './system/io.ts';
import { wrap } from './output/width.ts';
import { readSettings, type SettingSources } from './settings/read-settings.ts';
import { defaultOf, flagOf, SETTINGS, type Settings } from './settings/settings.ts';

/**
 * How a command runs:
 * - `short`: a signal ends it, as does a reader of its output that goes away.
 * - `unattended`: it is told of signals by `io.stop`, goes on when nobody reads what it writes, and never waits for who does.
 * - `child`: as `unattended`, but it heeds no signal but only its parent.
 */
export type CommandKind = 'short' | 'unattended' | 'child';

/** What the command line is told of the process: `open` gives a command its io and makes the process behave as its kind. */
export interface Surroundings {
  readonly open: (kind: CommandKind) => CommandIo;
}

/** The text beside an exit code, on the narrowest terminal. */
const HELP_COLUMNS = 74;

const EXAMPLES = `
Examples:
  landfall run                        watch ./landing, load into ./db
  landfall once --landing /data/in    take everything that is there, then exit
  landfall status                     is yesterday's data in?
  landfall rejects --state rejected   what was refused, and why
  landfall check FILE                 what would become of a file
  landfall preview FILE --format csv  a file as the reader sees it

Settings are flags, then LANDFALL_* variables, then a settings file
(--settings), then defaults.

Exit codes:
${Object.entries(EXIT_CODES)
  .map(([code, meaning]) => `  ${code}  ${[...wrap(meaning, HELP_COLUMNS)].join('\n     ')}`)
  .join('\n')}
`;

/**
 * Runs what the arguments ask for.
 * @param args without node and script
 * @returns the exit code
 * @throws whatever the command throws
 */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let exitCode = 0;
  const program = createCommandLine(surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // Commander has already said what is wrong, or shown the help.
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return exitCode;
}

/**
 * Lays out all commands and their options.
 * @param done takes the exit code of the command that ran
 */
export function createCommandLine(surroundings: Surroundings, done: (exitCode: number) => void): Command {
  const { stdout, stderr, program: self } = surroundings.open('short');
  const program = new Command('landfall');
  program
    .description(
      "Watches a landing folder for a hospital's billing extracts, loads them into a SQLite database and keeps it up to date.",
    )
    .version(self.version)
    .exitOverride()
    .configureOutput({
      writeOut: stdout.write,
      writeErr: stderr.write,
      getOutHelpWidth: () => stdout.columns,
      getErrHelpWidth: () => stderr.columns,
      getOutHasColors: () => stdout.colour,
      getErrHasColors: () => stderr.colour,
    })
    .helpCommand('help [command]', 'the same as --help')
    .showHelpAfterError('(--help lists what there is)')
    .addHelpText('after', EXAMPLES);
  const verbs: Verbs = {
    verb: (usage, summary, takes = { ingest: false }) =>
      addSettings(program.command(usage).summary(summary).description(summary), takes),
    async act(command, kind, run) {
      const io = surroundings.open(kind);
      done(await run(settingsOf(command, io), io));
    },
  };
  addTaking(verbs);
  addAsking(verbs);
  addChecking(verbs);
  verbs
    .verb('config', 'every setting, its value and where it came from', { ingest: true })
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }, command: Command) => {
      const { config } = await import('./commands/config.ts');
      const io = surroundings.open('short');
      done(await config({ json: false, ...flags, sources: sourcesOf(command, io) }, io));
    });
  program
    .command('completion')
    .description('a script that completes commands and options in your shell')
    .usage('<shell>')
    .addArgument(new Argument('[shell]').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell | undefined, _flags: unknown, command: Command) => {
      if (shell === undefined) command.error('completion needs a shell: bash, zsh or fish');
      const { completionScript } = await import('./commands/completion.ts');
      surroundings.open('short').stdout.write(completionScript(shell, program));
      done(0);
    });
  program.command('worker', { hidden: true }).action(async () => {
    const { runWorker } = await import('./worker/worker.ts');
    done(await runWorker(surroundings.open('child')));
  });
  return program;
}

/** How the commands are added. */
interface Verbs {
  /** Adds a command that takes the settings of all commands and, where it ingests, those of ingesting. */
  readonly verb: (usage: string, summary: string, takes?: { ingest: boolean }) => Command;
  /** Runs a command's function. Each is imported only when it is run, so that the others start fast. */
  readonly act: (
    command: Command,
    kind: CommandKind,
    run: (settings: Settings, io: CommandIo) => Promise<number>,
  ) => Promise<void>;
}

const ABOUT_RUN = `Watches the landing folder and loads what arrives, until SIGTERM, SIGINT or
SIGHUP, which let it finish the file in hand.

  landfall run --landing /srv/in --db /var/lib/landfall/visitpay.sqlite`;

const ABOUT_ONCE = `Takes everything that is there, waits for what is not settled yet, then exits:
0 when all went in, 3 when a file was quarantined or a row rejected.

  landfall once --landing /srv/in && echo all in`;

const ABOUT_RETRY = `Has files of the landing folder read again: ingested ones as new revisions,
quarantined ones as the revision they are. Asks the daemon where one runs.

  landfall retry 'HospitalABC_VisitPay_Visit_[20260801_060000].txt'`;

/** The commands that take files. */
function addTaking({ verb, act }: Verbs): void {
  verb('run', 'the daemon: watch the landing folder and load what arrives', { ingest: true })
    .description(ABOUT_RUN)
    .action(async (_flags: unknown, command: Command) => {
      const { run } = await import('./commands/run.ts');
      await act(command, 'unattended', (settings, io) => run({ settings }, io));
    });

  verb('once', 'take everything that is there, then exit', { ingest: true })
    .description(ABOUT_ONCE)
    .action(async (_flags: unknown, command: Command) => {
      const { once } = await import('./commands/once.ts');
      await act(command, 'unattended', (settings, io) => once({ settings }, io));
    });

  verb('retry <name...>', 'read files of the landing folder again', { ingest: true })
    .description(ABOUT_RETRY)
    .action(async (names: readonly string[], _flags: unknown, command: Command) => {
      const { retry } = await import('./commands/retry.ts');
      await act(command, 'unattended', (settings, io) => retry({ settings, names }, io));
    });
}

/** The commands that ask the database. */
function addAsking({ verb, act }: Verbs): void {
  verb('status', 'files, rows, what waits, rejects by code, checkpoints, the daemon')
    .option('--json', 'as JSON')
    .option('--check', 'exit 1 when the daemon is not alive or cannot work')
    .action(async (flags: { json?: true; check?: true }, command: Command) => {
      const { status } = await import('./commands/status.ts');
      await act(command, 'short', (settings, io) => status({ json: false, check: false, ...flags, settings }, io));
    });

  addFilters(
    verb('files', 'the ledger: every file seen, newest first'),
    'ingested, quarantined, replaced or unrecognised',
  )
    .option('--json', 'as JSON')
    .action(async (flags: FilterFlags & { json?: true }, command: Command) => {
      const { files } = await import('./commands/files.ts');
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
      const { rejects } = await import('./commands/rejects.ts');
      await act(command, 'short', (settings, io) =>
        rejects({ json: false, csv: false, raw: false, ...NO_FILTER, ...flags, settings }, io),
      );
    });
}

/** The commands that look at files, and at the database as a whole. */
function addChecking({ verb, act }: Verbs): void {
  verb('check <file...>', 'what an ingest would do, without doing it, also while the daemon runs')
    .option('--json', 'as JSON')
    .option('--raw', 'show the keys of missing parents: patient data')
    .action(async (files: readonly string[], flags: { json?: true; raw?: true }, command: Command) => {
      const { check } = await import('./commands/check.ts');
      await act(command, 'short', (settings, io) => check({ json: false, raw: false, ...flags, settings, files }, io));
    });

  verb('preview <file...>', 'files as the reader sees them (patient data); what was found goes to standard error')
    .option('--delimiter <text>', 'one or more characters; \\t or tab is a tab')
    .addOption(new Option('--quote <character>', 'what fields are quoted with').choices(['"', "'"]))
    .addOption(new Option('--escape <how>', 'how a quote within quotes is written').choices(['double', 'backslash']))
    .addOption(
      new Option('--encoding <name>', 'of the file').choices(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']),
    )
    .addOption(new Option('--newline <how>', 'how lines end').choices(['lf', 'crlf', 'cr', 'mixed']))
    .option('--header-lines <n>', 'lines that make the header, 0 for none; not read as a dataset of the feed then')
    .option('--skip-lines <n>', 'lines to leave out before the header')
    .addOption(new Option('--format <format>', 'of the output; default table').choices(['table', 'csv', 'ndjson']))
    .option('--all', 'the fields of refused rows too, as they were split')
    .option('--out <dir>', 'write one file each into this folder')
    .action(async (files: readonly string[], flags: Record<string, unknown>, command: Command) => {
      const { preview } = await import('./commands/preview.ts');
      await act(command, 'short', (settings, io) => preview({ settings, files, flags }, io));
    });

  verb('verify', 'the integrity of the database, its references and its books')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }, command: Command) => {
      const { verify } = await import('./commands/verify.ts');
      await act(command, 'short', (settings, io) => verify({ json: false, ...flags, settings }, io));
    });
}

type FilterFlags = Partial<Filter>;
const NO_FILTER: Filter = { state: [], code: [], file: null, since: null, limit: null };

function addFilters(command: Command, states: string): Command {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  return command
    .option('--state <state>', `only this state (${states}); may be given again`, collect)
    .option('--code <code>', 'only this reason code; may be given again', collect)
    .option('--file <text>', 'only files with this in their name')
    .option('--since <time>', 'only what was finished since: 2026-08-01, 2026-08-01T06:00Z, 30m, 12h or 7d')
    .option('--limit <n>', 'at most so many, 0 is all; default 50 in text, else all', wholeNumber);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** The settings that every command takes, and what a first run may need; the others follow in a group of their own. */
const FIRST_SETTINGS: readonly string[] = ['landing', 'db', 'feed', 'settle', 'after'];

function addSettings(command: Command, takes: { ingest: boolean }): Command {
  const settings = SETTINGS.filter((info) => takes.ingest || info.takenBy === 'all');
  for (const info of settings) {
    const option = new Option(
      `${flagOf(info.name)} <${info.placeholder}>`,
      `${info.help} (default ${defaultOf(info)})`,
    );
    command.addOption(option.helpGroup(FIRST_SETTINGS.includes(info.name) ? 'Settings:' : 'More settings:'));
  }
  return command
    .addOption(new Option('--settings <FILE>', 'a settings file (YAML)').helpGroup('Settings:'))
    .addHelpText(
      'after',
      '\nA setting may also be a variable, as --log-level is LANDFALL_LOG_LEVEL, or stand\n' +
        'in the settings file. "landfall config" shows what is in force.',
    );
}

function settingsOf(command: Command, io: CommandIo): Settings {
  return readSettings(sourcesOf(command, io));
}

function sourcesOf(command: Command, io: CommandIo): SettingSources {
  const values = command.opts<Record<string, unknown>>();
  const flags: Record<string, string> = {};
  for (const name of ['settings', ...SETTINGS.map((info) => info.name)]) {
    const value = values[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === 'string') flags[name] = value;
  }
  return { flags, env: io.env, cwd: io.cwd, root: io.program.root };
}
