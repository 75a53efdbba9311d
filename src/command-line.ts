import { Argument, Command, CommanderError } from 'commander';
import type { Shell } from './commands/completion.ts';
import { EXIT_CODES } from './model/exit-codes.ts';
import { writeUsageError } from './output/error-report.ts';
import { wrap } from './output/width.ts';
import { addArchivingVerbs } from './verbs/archiving.ts';
import { addAskingVerbs } from './verbs/asking.ts';
import { addCheckingVerbs } from './verbs/checking.ts';
import { addExportingVerbs } from './verbs/exporting.ts';
import { addTakingVerbs } from './verbs/taking.ts';
import { createVerbs, sourcesOf, type Surroundings, type Verbs } from './verbs/verbs.ts';

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
    await program.parseAsync(known(program, args), { from: 'user' });
  } catch (error) {
    // Commander has already said what is wrong, or shown the help.
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return exitCode;
}

/** `help` with a command that does not exist would show the help of the whole: it is told as the command itself would be. */
function known(program: Command, args: readonly string[]): readonly string[] {
  const [verb, name] = args;
  if (verb !== 'help' || name === undefined || name.startsWith('-')) return args;
  return ['help', ...program.commands.map((command) => command.name())].includes(name) ? args : [name];
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
    .version(self.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .configureOutput({
      writeOut: stdout.write,
      writeErr: stderr.write,
      outputError: (message) => {
        writeUsageError(stderr, message);
      },
      getOutHelpWidth: () => stdout.columns,
      getErrHelpWidth: () => stderr.columns,
      getOutHasColors: () => stdout.colour,
      getErrHasColors: () => stderr.colour,
    })
    .helpCommand('help [command]', 'the same as --help')
    .showHelpAfterError('(--help lists what there is)')
    .addHelpText('after', EXAMPLES);
  const verbs = createVerbs(program, surroundings, done);
  addTakingVerbs(verbs);
  addAskingVerbs(verbs);
  addCheckingVerbs(verbs);
  addArchivingVerbs(verbs);
  addExportingVerbs(verbs);
  verbs
    .verb('config', 'every setting, its value and where it came from', 'run')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }, command: Command) => {
      const { config } = await import('./commands/config.ts');
      const io = surroundings.open('short');
      done(await config({ json: false, ...flags, sources: sourcesOf(command, io) }, io));
    });
  addBundle(verbs, surroundings, done);
  program
    .command('init')
    .argument('<path...>', 'sample files, or folders of them')
    .description('proposes a feed from sample files: a folder with its definition and its tables, to be reviewed')
    .requiredOption('--out <DIR>', 'the folder to make; its name is that of the feed')
    .action(async (samples: readonly string[], { out }: { out: string }) => {
      const { init } = await import('./commands/init.ts');
      done(await init({ samples, out }, surroundings.open('short')));
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
  program
    .command('key')
    .description('makes a key for protected columns')
    .addArgument(new Argument('<action>', 'what to do').choices(['new']))
    .argument('<file>', 'where to put it; nothing is overwritten')
    .action(async (_action: string, file: string) => {
      const { newKey } = await import('./commands/key.ts');
      done(await newKey(file, surroundings.open('short')));
    });
  program.command('worker', { hidden: true }).action(async () => {
    const { runWorker } = await import('./worker/worker.ts');
    done(await runWorker(surroundings.open('child')));
  });
  program.command('reader', { hidden: true }).action(async () => {
    const { runReader } = await import('./findings/reader.ts');
    done(await runReader(surroundings.open('child')));
  });
  return program;
}

function addBundle(verbs: Verbs, surroundings: Surroundings, done: (exitCode: number) => void): void {
  verbs
    .verb('bundle', 'a .tar.gz for whoever helps: versions, settings, ledger, faults; no values, no secrets', 'run')
    .option('--out <FILE>', 'default landfall-bundle-TIME.tar.gz here')
    .option('--log <FILE>', 'a log whose end is put in')
    .action(async (flags: { out?: string; log?: string }, command: Command) => {
      const { bundle } = await import('./commands/bundle.ts');
      const io = surroundings.open('short');
      done(await bundle({ out: flags.out ?? null, log: flags.log ?? null, sources: sourcesOf(command, io) }, io));
    });
}
