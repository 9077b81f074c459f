// Lighthouse over the shell, as a phone and as a desktop computer sees it:
//   npm install --no-save lighthouse@12.2.3 && VITRINE_DIST=… VITRINE_BIN=… node tests/page/lighthouse.mjs [FOLDER for the reports]
// Not part of the test run: it brings 60 MB of packages, and its performance figure moves with the machine's load.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumPath, missing, serve } from './browser.mjs';

const least = { performance: 0.9, accessibility: 0.95, 'best-practices': 0.95 };
const port = 9333;
const reports = process.argv[2];

const loaded = await import('lighthouse').catch(() => null);
const reason = missing() ?? (loaded ? null : 'lighthouse is not installed: npm install --no-save lighthouse@12.2.3');
if (reason) {
  console.log(`skipped: ${reason}`);
  process.exit(0);
}
const { default: lighthouse, desktopConfig } = loaded;

const server = await serve();
const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: ['--no-sandbox', `--remote-debugging-port=${port}`],
});
try {
  for (const [name, config] of [
    ['phone', undefined],
    ['desktop', desktopConfig],
  ]) {
    const { lhr } = await lighthouse(
      server.origin,
      { port, output: 'json', onlyCategories: Object.keys(least) },
      config,
    );
    const scores = Object.entries(lhr.categories).map(([id, { score }]) => [id, score]);
    const times = [
      'first-contentful-paint',
      'largest-contentful-paint',
      'total-blocking-time',
      'cumulative-layout-shift',
    ];
    console.log(
      name,
      ...scores.map(([id, score]) => `${id} ${Math.round(score * 100)}`),
      ...times.map((id) => `${id} ${lhr.audits[id].displayValue}`),
    );
    for (const { id, title, score, weight } of Object.values(lhr.categories).flatMap((category) =>
      category.auditRefs.map(({ id, weight }) => ({ ...lhr.audits[id], weight })),
    )) {
      if (score !== null && score < 0.9 && weight > 0) console.log(`  ${id}: ${title}`);
    }
    if (scores.some(([id, score]) => score < least[id])) process.exitCode = 1;
    if (!reports) continue;
    mkdirSync(reports, { recursive: true });
    writeFileSync(path.join(reports, `${name}.json`), JSON.stringify(lhr));
  }
} finally {
  await browser.close();
  await server.stop();
}
