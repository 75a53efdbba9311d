import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 from looking every 8 s, for minutes after each collection and in each thread, whether another one would bring something, and
 * from collecting twice at last: in a process that waits it costs more than all else. What is worth collecting, the caller collects.
 */
export function stopMemoryReducer(): void {
  setFlagsFromString('--memory-reducer-gc-count=0');
}
