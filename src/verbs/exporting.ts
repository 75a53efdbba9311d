import type { Command } from 'commander';
import type { Verbs } from './verbs.ts';

const ABOUT = `Writes tables and views as Parquet, sorted by key, for DuckDB, Spark, Trino and
Athena. All comes from one instant of the database, whatever is loaded meanwhile.
Only parts whose content has changed are written. _manifest.json comes last and
names all parts of one state.

  landfall export --to /srv/lake --partition-by claims.billed_on:month`;

interface ExportFlags {
  readonly to: string;
  readonly table?: readonly string[];
  readonly view?: readonly string[];
  readonly orderBy?: readonly string[];
  readonly partitionBy?: readonly string[];
  readonly verify?: true;
  readonly deidentify?: true;
}

/** The command that writes out of the database. */
export function addExportingVerbs({ verb, act }: Verbs): void {
  verb('export', 'tables and views as Parquet, into a folder or a bucket')
    .description(ABOUT)
    .requiredOption('--to <DIR|s3://BUCKET/PREFIX>', 'the folder or the bucket to write into')
    .option('--table <NAME...>', 'only these tables; default all, unless views are named')
    .option('--view <NAME...>', 'these views')
    .option('--order-by <COLUMN...>', 'what rows of views are sorted by first')
    .option('--partition-by <T.C:UNIT...>', 'a folder for each day, month or year of a date')
    .option('--deidentify', 'protect all patient data on its way out; needs --key-file; also into FILE.sqlite')
    .option('--verify', 'read every part back and compare it with the database')
    .action(async (flags: ExportFlags, command: Command) => {
      const { exportData } = await import('../commands/export.ts');
      const { to, table = [], view = [], orderBy = [], partitionBy = [], verify = false, deidentify = false } = flags;
      await act(command, 'steady', (settings, io) =>
        exportData({ settings, to, tables: table, views: view, orderBy, partitionBy, verify, deidentify }, io),
      );
    });
}
