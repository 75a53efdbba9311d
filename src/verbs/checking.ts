import { type Command, Option } from 'commander';
import type { Verbs } from './verbs.ts';

/** The commands that look at files, and at the database as a whole. */
export function addCheckingVerbs({ verb, act }: Verbs): void {
  verb('check <file...>', 'what an ingest would do, without doing it, also while the daemon runs')
    .option('--json', 'as JSON')
    .option('--raw', 'show the keys of missing parents: patient data')
    .action(async (files: readonly string[], flags: { json?: true; raw?: true }, command: Command) => {
      const { check } = await import('../commands/check.ts');
      await act(command, 'short', (settings, io) => check({ json: false, raw: false, ...flags, settings, files }, io));
    });

  verb(
    'preview <file...>',
    'files as the reader sees them (patient data, but for what is protected); what was found goes to standard error',
  )
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
      const { preview } = await import('../commands/preview.ts');
      await act(command, 'short', (settings, io) => preview({ settings, files, flags }, io));
    });

  verb('verify', 'the integrity of the database, its references and its books')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: true }, command: Command) => {
      const { verify } = await import('../commands/verify.ts');
      await act(command, 'short', (settings, io) => verify({ json: false, ...flags, settings }, io));
    });

  verb('schema', 'the tables of the feed as SQL, for the kind of database that --db names')
    .addOption(new Option('--write', "write the next migration into the feed's folder").conflicts(['diff', 'diagram']))
    .addOption(new Option('--diff', 'how the database differs from the feed; exit 3 when it does').conflicts('diagram'))
    .addOption(
      new Option('--grants', 'the roles of PostgreSQL and what each may do').conflicts(['write', 'diff', 'diagram']),
    )
    .option('--diagram', 'the tables and their references as a Mermaid diagram')
    .action(async (flags: { write?: true; diff?: true; diagram?: true; grants?: true }, command: Command) => {
      const { schema } = await import('../commands/schema.ts');
      const { write, diff, diagram, grants } = flags;
      const action = write ? 'write' : diff ? 'diff' : diagram ? 'diagram' : grants ? 'grants' : 'print';
      await act(command, 'short', (settings, io) => schema({ settings, action }, io));
    });
}
