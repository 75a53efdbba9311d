import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/command-line.ts';
import { captureIo } from '../helpers/command-io.ts';
import { tempFolder } from '../helpers/temp.ts';

/** What a shell completes a line with, after it has read the script that `completion` prints. */
async function complete(shell: 'bash' | 'zsh' | 'fish', line: string): Promise<readonly string[]> {
  const io = captureIo();
  expect(await runCommandLine(['completion', shell], { open: () => io })).toBe(0);
  const folder = tempFolder();
  const script = join(folder, 'completion');
  writeFileSync(script, io.written.out);
  const words = line.split(' ');
  const asks = {
    bash: `source ${script}; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _landfall; printf '%s\\n' "\${COMPREPLY[@]}"`,
    fish: `source ${script}; complete -C '${line}'`,
    // Its editor is needed to complete; what it would be told is printed instead.
    zsh: `autoload -U compinit; compinit -D -u; source ${script}
      _describe() { print -l $verbs; }; _arguments() { print -l -- "$@"; }
      words=(${line}); CURRENT=${words.length}; _landfall`,
  };
  const { stdout, stderr } = spawnSync(shell, shell === 'zsh' ? ['-f', '-c', asks.zsh] : ['-c', asks[shell]], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect(stderr).toBe('');
  return stdout.split('\n').map((answer) => answer.split('\t')[0] ?? '');
}

const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

test.skipIf(!isThere('bash'))('bash completes commands, options and what they take', async () => {
  expect(await complete('bash', 'landfall st')).toEqual(['status', '']);
  expect(await complete('bash', 'landfall rejects --lim')).toEqual(['--limit', '']);
  expect(await complete('bash', 'landfall preview --format n')).toEqual(['ndjson', '']);
  expect(await complete('bash', 'landfall run --after ')).toEqual(['keep', 'remove', '']);
  expect(await complete('bash', 'landfall l')).not.toContain('load');
});

test.skipIf(!isThere('fish'))('fish completes commands, options and what they take', async () => {
  expect(await complete('fish', 'landfall st')).toContain('status');
  expect(await complete('fish', 'landfall rejects --st')).toContain('--state');
  expect(await complete('fish', 'landfall preview --format n')).toContain('ndjson');
});

test.skipIf(!isThere('zsh'))('zsh completes commands, options and what they take', async () => {
  expect((await complete('zsh', 'landfall st')).some((verb) => verb.startsWith('status:'))).toBe(true);
  const options = await complete('zsh', 'landfall run --');
  expect(options.some((option) => /^\*--after\[.*\]:value:\(keep remove\)$/.test(option))).toBe(true);
});
