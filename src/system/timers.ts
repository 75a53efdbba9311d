/** Acts on the first call at once, and of a swarm of calls once every so many ms, the last one included, until released. */
export function throttle(releases: DisposableStack, gapMs: number, act: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  let more = false;
  const now = (): void => {
    act();
    more = false;
    timer = setTimeout(() => {
      timer = null;
      if (more) now();
    }, gapMs);
  };
  releases.defer(() => {
    if (timer !== null) clearTimeout(timer);
  });
  return () => {
    more = true;
    if (timer === null) now();
  };
}

/** Acts every so many ms, until released. */
export function every(releases: DisposableStack, ms: number, act: () => void): void {
  const timer = setInterval(act, ms);
  releases.defer(() => {
    clearInterval(timer);
  });
}

/** Acts when the signal is aborted, also where it already is. */
export function onAbort(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
}

/** Acts once after so many ms, unless released before. */
export function after(releases: DisposableStack, ms: number, act: () => void): void {
  const timer = setTimeout(act, ms);
  releases.defer(() => {
    clearTimeout(timer);
  });
}
