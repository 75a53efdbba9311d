import type { Document } from 'yaml';
import type { z } from 'zod';
import type { Problem } from './problem.ts';

/** What is wrong with the shape of a definition, each with its place. */
export function shapeProblems(issues: readonly z.core.$ZodIssue[], document: Document): readonly Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, document));
}

function problemsOf(issue: z.core.$ZodIssue, document: Document): readonly Problem[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], problem: 'is not known here' }));
  const found: unknown = document.getIn(path);
  if (found === undefined) return [{ path, problem: 'is missing' }];
  const shown = typeof found === 'object' && found !== null ? '' : ` (it is ${JSON.stringify(found)})`;
  return [{ path, problem: `${wording(issue)}${shown}` }];
}

function wording(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid')) return issue.message;
  return issue.expected === 'object'
    ? 'must be lines of the form name: value'
    : `must be of the kind ${issue.expected}`;
}
