import { type Command, Option } from 'commander';
import type { CommandIo } from '../system/io.ts';
import { readSettings, type SettingSources } from '../settings/read-settings.ts';
import { defaultOf, flagOf, FORMER_SETTINGS, SETTINGS, type SettingInfo, type Settings } from '../settings/settings.ts';

/**
 * How a command runs:
 * - `short`: a signal ends it, as does a reader of its output that goes away.
 * - `steady`: as `short`, but it never waits for a terminal, nor for who reads its standard error, where its progress is shown.
 * - `unattended`: it is told of signals by `io.stop`, goes on when nobody reads what it writes, and never waits for who does.
 * - `child`: as `unattended`, but it heeds no signal but only its parent.
 */
export type CommandKind = 'short' | 'steady' | 'unattended' | 'child';

/** What the command line is told of the process: `open` gives a command its io and makes the process behave as its kind. */
export interface Surroundings {
  readonly open: (kind: CommandKind) => CommandIo;
}

/** How the commands are added. */
export interface Verbs {
  /** Adds a command that takes the settings of all commands and, where it says so, those of ingesting and of the daemon. */
  readonly verb: (usage: string, summary: string, takes?: SettingInfo['takenBy']) => Command;
  /**
   * Runs a command's function, which gets the flags that it was given and other commands need as well, as in `givenFlags`. Each is imported only
   * when it is run, so that the others start fast.
   */
  readonly act: (
    command: Command,
    kind: CommandKind,
    run: (settings: Settings, io: CommandIo, given: string) => Promise<number>,
  ) => Promise<void>;
}

/**
 * Makes what the commands are added by.
 * @param program what they are added to
 * @param done takes the exit code of the command that ran
 */
export function createVerbs(program: Command, surroundings: Surroundings, done: (exitCode: number) => void): Verbs {
  return {
    verb: (usage, summary, takes = 'all') =>
      addSettings(program.command(usage).summary(summary).description(summary), takes),
    async act(command, kind, run) {
      const io = surroundings.open(kind);
      const sources = sourcesOf(command, io);
      done(await run(readSettings(sources), io, givenFlags(sources)));
    },
  };
}

/** The settings that every command takes, and what a first run may need; the others follow in a group of their own. */
const FIRST_SETTINGS: readonly string[] = ['landing', 'db', 'feed', 'settle', 'after'];

/** Whose settings a command takes. */
const TAKES: Readonly<Record<SettingInfo['takenBy'], readonly SettingInfo['takenBy'][]>> = {
  all: ['all'],
  ingest: ['all', 'ingest'],
  run: ['all', 'ingest', 'run'],
};

function addSettings(command: Command, takes: SettingInfo['takenBy']): Command {
  const settings = SETTINGS.filter((info) => TAKES[takes].includes(info.takenBy));
  for (const info of settings) {
    const option = new Option(
      `${flagOf(info.name)} <${info.placeholder}>`,
      `${info.help} (default ${defaultOf(info)})`,
    );
    command.addOption(option.helpGroup(FIRST_SETTINGS.includes(info.name) ? 'Settings:' : 'More settings:'));
  }
  // They are read to be refused with a word on what takes their place.
  for (const name of Object.keys(FORMER_SETTINGS)) command.addOption(new Option(`${flagOf(name)} <VALUE>`).hideHelp());
  return command
    .addOption(new Option('--settings <FILE>', 'a settings file (YAML)').helpGroup('Settings:'))
    .addHelpText(
      'after',
      '\nA setting may also be a variable, as --log-level is LANDFALL_LOG_LEVEL, or stand\n' +
        'in the settings file. "landfall config" shows what is in force.',
    );
}

/** Where the settings of a command come from: its flags, the environment, the working folder. */
export function sourcesOf(command: Command, io: CommandIo): SettingSources {
  const values = command.opts<Record<string, unknown>>();
  const flags: Record<string, string> = {};
  for (const name of ['settings', ...Object.keys(FORMER_SETTINGS), ...SETTINGS.map((info) => info.name)]) {
    const value = values[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === 'string') flags[name] = value;
  }
  return { flags, env: io.env, cwd: io.cwd, root: io.program.root };
}

/** What a shell takes as it stands. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** The flags that say to every command what it is about, as they are typed: ` --db other.sqlite`; none: empty. */
function givenFlags({ flags }: SettingSources): string {
  const names = ['settings', ...SETTINGS.filter(({ takenBy }) => takenBy === 'all').map(({ name }) => name)];
  return names
    .flatMap((name) => {
      const value = flags[name];
      if (value === undefined) return [];
      return [` ${flagOf(name)} ${PLAIN.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`}`];
    })
    .join('');
}
