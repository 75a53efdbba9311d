import { createRandom, type Random } from './random.ts';

const MIB = 1024 * 1024;
/** Inputs are tried at this size first: at 1 MiB what is not linear takes 65,536 times as long, or more. */
const SMALL = 4 * 1024;
/** So many of the slowest small inputs are tried at 1 MiB. */
const FINALISTS = 3;
/** Generated inputs beside the written ones. */
const FUZZED = 60;
/** Calls of which the processor time is measured together. */
const CALLS = 4;
/** So often they are measured, while they take too long. */
const ROUNDS = 5;

/** What a matcher may stumble over when it is repeated … */
const REPEATED = [
  ...['0', '9', '_', ' ', ',', '.', '1,', '1,234,', '.5', '-', '+', '$', '$ ', '(', ')', '/', ':', '=', '#', '*', '|'],
  ...[
    '"',
    '""',
    "'",
    "''",
    '\\',
    '\\"',
    '"|',
    '|"',
    '"a"|',
    '"a"b|',
    'a',
    'A',
    'Z',
    'T',
    'end',
    '_a',
    ' a',
    'a ',
    'a_',
  ],
  ...[
    '\n',
    '\r',
    '\r\n',
    '\n\r',
    '\t',
    '\0',
    '\u001a',
    '\u001b[',
    '\u0085',
    '\u009b',
    '\u2028',
    '\ufeff',
    '\ufffd',
    '\u200b',
  ],
  ...[
    'é',
    'e\u0301',
    '\u0301',
    '\u0301\u0316',
    'a\u0316\u0301',
    'Σ',
    'Σ.',
    '.Σ',
    'İ',
    'ß',
    '\u1161',
    '\u09c7\u09be',
    '𝟘',
    '😀',
    '\ud800',
  ],
  ...[
    '[',
    ']',
    '[20260801_',
    'Visit',
    'HospitalABC_VisitPay_',
    '20260801',
    '2026-08-01 ',
    'rows ',
    '1 rows',
    '.tmp',
    '\\x',
  ],
] as const;

/** … behind this … */
const PREFIXES = [
  ...[
    '',
    '_',
    'a',
    '1',
    '0',
    '.',
    '$',
    '(',
    '-',
    '"',
    '|"',
    'end',
    'end ',
    'end|',
    'trailer ',
    '(1',
    '1 rows ',
    '1 ',
    '8',
  ],
  ...[
    '2026-08-01 ',
    '2026-08-01T10:00:00.',
    '20260801',
    '8/1/2026 ',
    '01-AUG-2026 ',
    '1-JAN-26 ',
    '2026/08/01 ',
    '1.5E+',
  ],
  ...['VisitID', 'HospitalABC_VisitPay_', 'HospitalABC_VisitPay_Visit_[', '.'],
] as const;

/** … and before this, where the match fails at last. */
const SUFFIXES = [
  '',
  'x',
  '1',
  ' ',
  '.',
  '.5.5',
  '-',
  ')',
  '|',
  '"',
  'x"',
  '\n',
  '\0',
  '?',
  '_',
  ' x',
  ']',
  'é',
] as const;

/** An input of any size: a beginning, something that is repeated, an end. */
type Input = (length: number) => string;

/** What the slowest input of a matcher took. */
export interface Slowest {
  readonly ms: number;
  /** How the input is made, for a person to make it again. */
  readonly input: string;
}

/**
 * Looks for the inputs on which a matcher is slowest, and gives what the worst of them takes at 1 MiB of characters; at less where
 * that took too long already.
 * @param most how many ms are too long
 */
export function slowest(match: (text: string) => unknown, most: number, seed: number): Slowest {
  const inputs = [...written(), ...fuzzed(createRandom(seed))];
  const take = (candidates: readonly Candidate[], length: number): (Candidate & Slowest)[] =>
    candidates
      .map((candidate) => ({ ...candidate, ms: took(match, candidate.text(length), most) }))
      .toSorted((a, b) => b.ms - a.ms);
  let ranked = take(inputs, SMALL);
  for (const length of [MIB / 8, MIB]) {
    if ((ranked[0]?.ms ?? 0) > most) break;
    ranked = take(ranked.slice(0, FINALISTS), length);
  }
  const [worst] = ranked;
  if (worst === undefined) throw new Error('nothing was tried');
  return worst;
}

/**
 * What one call takes in ms. Of what is above the limit the processor time of several calls, since the machine may do other things
 * meanwhile; that clock ticks too slowly for a single one.
 */
function took(match: (text: string) => unknown, text: string, most: number): number {
  const least = Math.min(elapsed(match, text), elapsed(match, text));
  if (least < most || least > 100 * most) return least;
  let fewest = least;
  // A busy machine makes a processor slower, too.
  for (let round = 0; round < ROUNDS && fewest >= most; round++) fewest = Math.min(fewest, processorTime(match, text));
  return fewest;
}

function processorTime(match: (text: string) => unknown, text: string): number {
  const before = process.threadCpuUsage();
  for (let call = 0; call < CALLS; call++) match(text);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000 / CALLS;
}

function elapsed(match: (text: string) => unknown, text: string): number {
  const begun = performance.now();
  match(text);
  return performance.now() - begun;
}

interface Candidate {
  readonly text: Input;
  readonly input: string;
}

function candidate(prefix: string, repeated: string, suffix: string): Candidate {
  return {
    text: (length) => prefix + repeated.repeat(Math.ceil(length / repeated.length)) + suffix,
    input: [prefix, repeated, suffix].map((part) => JSON.stringify(part)).join(' + '),
  };
}

function written(): Candidate[] {
  return [
    ...REPEATED.map((repeated) => candidate('', repeated, '')),
    candidate('', '_', '1'),
    candidate('end|x', ' ', 'x'),
    candidate('end:x', ' ', 'x'),
    candidate('', '0', '.5.5'),
    candidate('e', '\u0301\u0316', ''),
    candidate('"', '\\', '"'),
  ];
}

function fuzzed(random: Random): Candidate[] {
  return Array.from({ length: FUZZED }, () => {
    const parts = random.chance(0.5) ? 1 : 2 + random.below(3);
    const repeated = Array.from({ length: parts }, () => random.pick(REPEATED)).join('');
    return candidate(random.pick(PREFIXES), repeated, random.pick(SUFFIXES));
  });
}
