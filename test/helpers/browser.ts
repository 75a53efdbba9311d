import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

/** A browser of this machine: what LANDFALL_TEST_BROWSER names, or Debian's; undefined: there is none, and the tests of the page are skipped. */
export const BROWSER = [
  process.env['LANDFALL_TEST_BROWSER'] ?? '',
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

/** Starts the browser. As root it has no sandbox; it is led to pages of ours alone. */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: BROWSER ?? '', args: ['--no-sandbox'] });
}

/** A page as somebody looks at it, and what the browser complains of: scripts or styles that were blocked, errors. */
export interface Looked {
  readonly page: Page;
  readonly complaints: readonly string[];
}

export interface LookOptions {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
  readonly scripts?: boolean;
}

/** Opens a page in a browser of its own settings. */
export async function lookAt(browser: Browser, url: string, options: LookOptions = {}): Promise<Looked> {
  const { width = 1280, scheme = 'light', scripts = true } = options;
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    javaScriptEnabled: scripts,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/** Whether the page is wider than the window. */
export const IS_TOO_WIDE = 'document.documentElement.scrollWidth > window.innerWidth';

/** When something was first seen, in ms after the page was asked for. */
export const FIRST_PAINT = `new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const [paint] = list.getEntriesByName('first-contentful-paint');
    if (paint !== undefined) resolve(paint.startTime);
  }).observe({ type: 'paint', buffered: true });
})`;

/**
 * The texts that stand on the page with less contrast than WCAG 2 asks for (4.5): what they say, and how much they have
 * (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
 */
export const FAINT_TEXTS = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const ground = getComputedStyle(at).backgroundColor;
      if (channels(ground)[3] !== 0) return ground;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || element.closest('title, script, noscript, [hidden]') !== null) continue;
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push(walker.currentNode.data.trim() + ' ' + contrast.toFixed(2));
  }
  return faint;
})()`;
