import type { Problem } from './problem.ts';
import type { DatasetDefinition } from './schema.ts';

/**
 * What does not fit between the checks that datasets name and the files in `checks/DIALECT/`: a name that is there twice, a check
 * without a file, a file that no dataset names.
 * @param files their paths below the feed's folder, e.g. `checks/sqlite/late_bills.sql`
 */
export function checkFileProblems(
  datasets: readonly DatasetDefinition[],
  files: readonly { readonly name: string }[],
): readonly Problem[] {
  const there = new Set(files.map(({ name }) => nameOf(name)));
  const named = datasets.flatMap(({ checks }, dataset) =>
    checks.map(({ name }, index) => ({ name, path: ['datasets', dataset, 'checks', index, 'name'] })),
  );
  const problems = named.flatMap(({ name, path }, index): Problem[] => {
    if (named.findIndex((other) => other.name === name) < index)
      return [{ path, problem: `is the same check as one before it: a name stands for one file` }];
    return there.has(name)
      ? []
      : [{ path, problem: `there is no checks/sqlite/${name}.sql or checks/postgres/${name}.sql` }];
  });
  const unnamed = files.filter(({ name }) => !named.some((one) => one.name === nameOf(name)));
  return [
    ...problems,
    ...unnamed.map(({ name }) => ({ path: ['datasets'], problem: `no dataset names ${name} under checks` })),
  ];
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1, -'.sql'.length);
}
