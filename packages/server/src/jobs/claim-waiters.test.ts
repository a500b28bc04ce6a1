import { describe, expect, it } from 'vitest';
import { ClaimWaiters } from './claim-waiters.ts';
import type { ClaimScope } from './job-route.ts';
import { routeOf } from './job-route.ts';

const scope = (...capabilities: string[]): ClaimScope => ({ types: undefined, repositories: undefined, capabilities });
const route = (...requiredCapabilities: string[]) => routeOf({ type: 'exec', repository: null, requiredCapabilities });

describe('claims that wait', () => {
  it('are woken one by one, the longest waiting first, past those that may not have it', () => {
    const waiters = new ClaimWaiters();
    const woken: string[] = [];
    waiters.add(scope('cpu'), () => woken.push('other'));
    for (const name of ['first', 'second']) waiters.add(scope('gpu'), () => woken.push(name));
    waiters.arrived(route('gpu'));
    expect(woken).toEqual(['first']);
    waiters.arrived(route('gpu'));
    waiters.arrived(route('gpu'));
    expect(woken).toEqual(['first', 'second']);
    waiters.wakeAll();
    expect(woken).toEqual(['first', 'second', 'other']);
    expect(waiters.size).toBe(0);
  });

  it('receive the wakes that arrived during their query, and take none from those that wait', async () => {
    const waiters = new ClaimWaiters();
    let woken = 0;
    waiters.add(scope('gpu'), () => (woken += 1));
    const look = (name: string, arrive: () => void) =>
      waiters.look(scope(name), () => {
        arrive();
        return Promise.resolve(name);
      });
    const arrived = () => {
      waiters.arrived(route('gpu'));
    };
    expect(await look('gpu', arrived)).toEqual({ found: 'gpu', missed: true });
    expect(woken).toBe(1);
    expect(await look('cpu', arrived)).toEqual({ found: 'cpu', missed: false });
    expect(await look('gpu', () => undefined)).toEqual({ found: 'gpu', missed: false });
    expect(
      await look('cpu', () => {
        waiters.wakeAll();
      }),
    ).toEqual({ found: 'cpu', missed: true });
  });
});
