import { watchParent } from '../../src/system/parent-watch.ts';

// Watches its parent, says so, and is then deaf, as in the middle of a long SQLite statement.

watchParent();
process.stdout.write('deaf\n', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
