import { describe, expect, it } from 'vitest';
import { requireSameOrigin } from './same-origin.ts';

const local = { boundHost: '127.0.0.1', publicUrl: undefined };
const named = { boundHost: '127.0.0.1', publicUrl: 'https://work.example.com/proof' };
const everywhere = { boundHost: '0.0.0.0', publicUrl: undefined };
const byIpv6 = { boundHost: '::', publicUrl: 'http://[fd00::1]:8750' };

describe('the Host', () => {
  it.each([
    [local, 'localhost'],
    [local, 'LOCALHOST:8750'],
    [local, '127.0.0.1'],
    [local, '127.0.0.1:1'],
    [local, '127.8.8.8:8750'],
    [local, '[::1]:8750'],
    [{ ...local, boundHost: 'build-box' }, 'Build-Box:8750'],
    [named, 'work.example.com'],
    [named, 'work.example.com:443'],
    [named, 'WORK.example.com'],
    [everywhere, '10.1.2.3:8750'],
    [everywhere, '[fe80::1]:8750'],
    [byIpv6, '[fd00::1]:8750'],
    [{ ...byIpv6, boundHost: '127.0.0.1' }, '[fd00::1]:8750'],
  ])('of %j may be %s', (policy, host) => {
    expect(() => requireSameOrigin(policy, host, undefined)).not.toThrow();
  });

  it.each([
    [local, undefined],
    [local, ''],
    [local, 'evil.example'],
    [local, 'localhost.evil.example'],
    [local, '127.0.0.1.evil.example:8750'],
    [local, 'evil.example:8750@127.0.0.1'],
    [local, '10.1.2.3'],
    [local, '0.0.0.0:8750'],
    [local, '127.1'],
    [local, '2130706433'],
    [local, '[::ffff:10.0.0.1]'],
    [local, 'localhost:8750:1'],
    [named, 'example.com'],
    [named, 'work.example.com.evil.example'],
    [everywhere, 'rebound.example:8750'],
  ])('of %j may not be %s', (policy, host) => {
    expect(() => requireSameOrigin(policy, host, undefined)).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});

describe('the Origin', () => {
  it.each([
    [local, 'localhost:8750', 'http://localhost:8750'],
    [local, '[::1]:8750', 'http://[::1]:8750'],
    [named, 'work.example.com', 'https://work.example.com'],
    [named, 'localhost:8750', 'https://work.example.com'],
  ])('of %j at %s may be %s', (policy, host, origin) => {
    expect(() => requireSameOrigin(policy, host, origin)).not.toThrow();
  });

  it.each([
    [local, 'localhost:8750', 'null'],
    [local, 'localhost:8750', ''],
    [local, 'localhost:8750', 'http://localhost'],
    [local, 'localhost:8750', 'http://localhost:9999'],
    [local, 'localhost:8750', 'http://127.0.0.1:8750'],
    [local, 'localhost:8750', 'https://evil.example'],
    [local, 'localhost:8750', 'http://localhost:8750.evil.example'],
    [named, 'localhost:8750', 'http://work.example.com'],
  ])('of %j at %s may not be %s', (policy, host, origin) => {
    expect(() => requireSameOrigin(policy, host, origin)).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});
