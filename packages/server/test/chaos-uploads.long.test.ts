import { expect, it } from 'vitest';
import { uploadChaos } from '../../../scripts/chaos/upload-chaos.ts';

// A shorter form of `npm run chaos:uploads`. It ends when its time budget is used up, so a slow machine does fewer
// rounds.
it('a server killed while it stores uploads keeps every one it acknowledged, whole, and shows nothing that is half', async () => {
  const seed = Date.now() % 1_000_000;
  const report = await uploadChaos({ rounds: 20, seed, budgetMs: 40_000 });
  expect(report.broken, `seed ${String(seed)}`).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.compared).toBeGreaterThanOrEqual(report.acknowledged);
}, 60_000);
